"""Pages of benchmarks: each script runs as a process of its own and becomes a section."""

from __future__ import annotations

import argparse
import ast
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from spaner.result_tables import Table, to_markdown
from spaner_core.files.atomic import written_at_end

HERE = Path(__file__).parent
QUICK = "**A quick run, to see that everything runs: its figures mean nothing.**\n"
LIBRARIES = (
    *("spaner", "torch", "transformers", "timm", "peft", "scikit-learn"),
    *("pyarrow", "safetensors", "numpy", "pillow", "soundfile"),
)


@dataclass(frozen=True)
class Benchmark:
    """A script with what it is given for a full and for a quick run.

    A quick run leaves it out where `quick` is None. `pictures` are those that a full run draws, by
    what they show, as paths from the page. `title` is that of its section where the script's own,
    its first line, does not tell this run from others of the same script.
    """

    script: str
    full: tuple[str, ...] = ()
    quick: tuple[str, ...] | None = ("--quick",)
    pictures: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None

    @property
    def docstring(self) -> str:
        """What the script says of itself."""
        return ast.get_docstring(ast.parse((HERE / self.script).read_text(encoding="utf-8"))) or ""

    @property
    def heading(self) -> str:
        """The title of its section."""
        return self.title or self.docstring.partition("\n\n")[0].rstrip(".")

    @property
    def text(self) -> str:
        """What stands below the heading."""
        if self.title:
            return f"`benchmarks/{self.script} {' '.join(self.full)}`"
        return self.docstring.partition("\n\n")[2].rstrip()


def section(benchmark: Benchmark, *, page: Path, place: Path, quick: bool, threads: int) -> str:
    """Run a benchmark in the folder `place`; return as a section what it says, printed and drew.

    Its pictures are put beside the `page`. With `threads` of 0 it runs as many as it likes.
    Raises `subprocess.CalledProcessError` where it failed.
    """
    sys.stderr.write(f"== {benchmark.heading}\n")
    given = (benchmark.quick or ()) if quick else benchmark.full
    start = time.perf_counter()
    printed, busy_s = _run([str(HERE / benchmark.script), *given], place=place, threads=threads)
    sys.stderr.write(printed)
    pictures = {} if quick else benchmark.pictures
    for picture in pictures.values():
        (page.parent / picture).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place / picture, page.parent / picture)
    shown = [f"![{what}]({picture})" for what, picture in pictures.items()]
    took = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {busy_s:.0f} s of processor time, "
        f"{time.perf_counter() - start:.0f} s by the clock; {_hardware()}."
    )
    parts = [f"## {benchmark.heading}", benchmark.text, printed.strip(), *shown, took]
    return "\n\n".join(parts) + "\n"


def _run(command: Sequence[str], *, place: Path, threads: int) -> tuple[str, float]:
    """Run a Python script; return what it printed and its processor time, in seconds."""
    limit = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=place,
        env={**os.environ, **limit},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout, "it is a pipe"
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return printed, used.ru_utime + used.ru_stime


def machine(*, alone: bool) -> str:
    """Describe where and with what the figures were taken, as a table.

    What else the machine does matters to benchmarks that run `alone` and measure by the clock.
    """
    loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
    busy = {"load before the first benchmark": f"{loads} (over 1, 5 and 15 minutes)"}
    rows = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{_processor()}, {cores()} cores",
        "memory": _memory(),
        **(busy if alone else {}),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set") if alone else "1 in each",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }
    lines = "\n".join(f"| {what} | {value} |" for what, value in rows.items())
    return f"| machine | |\n|---|---|\n{lines}\n"


def _hardware() -> str:
    return f"{_processor()}, {cores()} cores, {_memory()}"


def _memory() -> str:
    return f"{psutil.virtual_memory().total / 2**30:.0f} GiB"


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "not known"


def write_page(page: Path, parts: Sequence[str]) -> None:
    """Write the page, whole or not at all."""
    with written_at_end(page) as partial:
        partial.write_text("\n".join(parts), encoding="utf-8")


def as_section(table: Table) -> str:
    """Write a table as Markdown below a heading that fits below a section's."""
    return to_markdown(table).replace("## ", "### ", 1)


def progress(message: str) -> None:
    """Say on standard error what is running."""
    sys.stderr.write(message + "\n")


def page_arguments(page: Path) -> argparse.ArgumentParser:
    """Return a parser of what every page takes; it is written to `page` by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--output", type=Path, default=page)
    parser.add_argument(
        "--only", default="", help="scripts, commas between; other sections stay as they are"
    )
    return parser


def choose(benchmarks: Sequence[Benchmark], given: argparse.Namespace) -> list[Benchmark]:
    """Return those that are asked for; exit with code 2 where there is no such script."""
    names = [f"{name.removesuffix('.py')}.py" for name in given.only.split(",") if name]
    if unknown := [name for name in names if name not in {one.script for one in benchmarks}]:
        scripts = ", ".join(dict.fromkeys(one.script for one in benchmarks))
        sys.stderr.write(f"--only {unknown[0]}: no such benchmark; give some of {scripts}\n")
        raise SystemExit(2)
    named = [one for one in benchmarks if not names or one.script in names]
    return [one for one in named if not given.quick or one.quick is not None]


def make_page(
    introduction: str,
    benchmarks: Sequence[Benchmark],
    given: argparse.Namespace,
    *,
    place: Path = HERE.parent,
    at_once: int = 0,
    summary: Callable[[Sequence[str]], str] | None = None,
) -> None:
    """Run the benchmarks that are `given`, and write their sections among those that stay.

    They run in the folder `place`, one after the other; or so many `at_once`, a thread each, where
    they measure no time by the clock. `summary` makes of all sections what stands before them. What
    the page says of the machine holds for a run of all: made anew in part, it stays. One that fails
    keeps the section that it had; the page is written all the same, and the exit code is then 1.
    """
    page, chosen = given.output, choose(benchmarks, given)
    kept = sections_of(page) if page.exists() else {}
    failed: list[str] = []

    def run(one: Benchmark) -> str:
        try:
            return section(one, page=page, place=place, quick=given.quick, threads=int(at_once > 0))
        except (subprocess.CalledProcessError, OSError) as error:
            failed.append(f"{one.heading}: {error}")
            return kept.get(one.heading, "")

    with ThreadPoolExecutor(at_once or 1) as pool:
        made = dict(zip((one.heading for one in chosen), pool.map(run, chosen), strict=True))
    sections = {**(kept if given.only else {}), **made}
    shown = [part for one in benchmarks if (part := sections.get(one.heading))]
    described = (_described_in(page) if given.only else "") or machine(alone=not at_once)
    parts = [introduction, described]
    if given.quick and QUICK not in described:
        parts.append(QUICK)
    if summary:
        parts.append(summary(shown))
    write_page(page, [*parts, *shown])
    sys.stdout.write(f"{page}\n")
    if failed:
        sys.stderr.write("".join(f"failed: {one}\n" for one in failed))
        raise SystemExit(1)


def _described_in(page: Path) -> str:
    """Return what a page says of its machine and its run, empty where there is no such page."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    found = re.search(r"^\| machine \|.*?(?=^## |\Z)", text, flags=re.M | re.S)
    return f"{found[0].rstrip()}\n" if found else ""


def sections_of(page: Path) -> dict[str, str]:
    """Return the sections of a page by their headings."""
    parts = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.M)[1:]
    return {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in parts}
