"""Pages of benchmarks: each script runs as a process of its own and becomes a section."""

from __future__ import annotations

import argparse
import ast
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psutil
from spaner.result_tables import Table, to_markdown
from spaner_core.files.atomic import written_at_end

HERE = Path(__file__).parent
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


def section(benchmark: Benchmark, *, quick: bool, alone: bool) -> str:
    """Run a benchmark; return its docstring as a section with what it printed and drew.

    How long it took is said where it ran `alone`: else it tells of the others, too.
    Raises `subprocess.CalledProcessError` where it failed.
    """
    path = HERE / benchmark.script
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    title, _, text = docstring.partition("\n\n")
    if benchmark.title:
        title, text = benchmark.title, f"As described above, run with `{' '.join(benchmark.full)}`."
    sys.stderr.write(f"== {benchmark.script}\n")
    start = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, str(path), *((benchmark.quick or ()) if quick else benchmark.full)],
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    sys.stderr.write(ended.stdout)  # a later benchmark may fail
    pictures = {} if quick else benchmark.pictures
    shown = [f"![{what}]({place})" for what, place in pictures.items()]
    took = [f"It took {time.perf_counter() - start:.0f} s."] if alone else []
    parts = [f"## {title.rstrip('.')}", text.rstrip(), ended.stdout.strip(), *shown, *took]
    return "\n\n".join(parts) + "\n"


def machine(*, alone: bool) -> str:
    """Describe where and with what the figures were taken, as a table.

    What else the machine does matters to benchmarks that run `alone` and measure by the clock.
    """
    memory = psutil.virtual_memory().total / 2**30
    loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
    busy = {"load before the first benchmark": f"{loads} (over 1, 5 and 15 minutes)"}
    rows = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{_processor()}, {cores()} cores",
        "memory": f"{memory:.0f} GiB",
        **(busy if alone else {}),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }
    lines = "\n".join(f"| {what} | {value} |" for what, value in rows.items())
    return f"| machine | |\n|---|---|\n{lines}\n"


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


def make_page(
    introduction: str, benchmarks: Sequence[Benchmark], page: Path, *, at_once: int = 1
) -> None:
    """Run benchmarks as the command line asks and write their page, by default to `page`.

    Those that measure no time by the clock may run several `at_once`.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--output", type=Path, default=page)
    given = parser.parse_args()
    parts = [introduction, machine(alone=at_once == 1)]
    if given.quick:
        parts.append("**A quick run, to see that everything runs: its figures mean nothing.**\n")
    chosen = [one for one in benchmarks if not given.quick or one.quick is not None]
    with ThreadPoolExecutor(at_once) as pool:
        parts += pool.map(partial(section, quick=given.quick, alone=at_once == 1), chosen)
    write_page(given.output, parts)
    sys.stdout.write(f"{given.output}\n")
