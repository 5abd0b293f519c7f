"""All benchmarks of speed, one after the other, written to docs/performance.md.

    .venv/bin/python benchmarks/performance.py

Each runs as a process of its own; what it says of itself and the table it prints become a section.
The page is written at the end, whole, or stays as it was.
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from spaner_core.writing import written_at_end

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
LIBRARIES = (
    *("spaner", "torch", "transformers", "timm", "peft"),
    *("pyarrow", "safetensors", "numpy", "pillow", "soundfile"),
)

INTRODUCTION = """\
# Performance

How fast SPANER is, as ratios: two things side by side in one run on one machine, taking turns.
Seconds stand beside them to show the size of things; they are this machine's, a ratio travels
further. Aims are what we hold SPANER to, and a figure that misses its aim stays in the table.
`.venv/bin/python benchmarks/performance.py` (or `make bench`) makes this page anew. Inputs and
features are synthetic wherever only speed is measured.
"""


@dataclass(frozen=True)
class Benchmark:
    """A script with what it is given for a quick run; the full run needs nothing."""

    script: str
    quick: tuple[str, ...] = ("--quick",)


BENCHMARKS = (
    Benchmark("extraction.py"),
    Benchmark("streaming.py"),
    Benchmark("finetune.py"),
    Benchmark("train_step.py", quick=("--rounds", "1")),
)


def section(benchmark: Benchmark, *, quick: bool) -> str:
    """Run a benchmark; return its docstring as a section with what it printed.

    Raises `subprocess.CalledProcessError` where it failed.
    """
    path = HERE / benchmark.script
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    title, _, text = docstring.partition("\n\n")
    sys.stderr.write(f"== {benchmark.script}\n")
    start = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, str(path), *(benchmark.quick if quick else ())],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    sys.stderr.write(ended.stdout)  # a later benchmark may fail
    took = f"It took {time.perf_counter() - start:.0f} s."
    return f"## {title.rstrip('.')}\n\n{text.rstrip()}\n\n{ended.stdout.strip()}\n\n{took}\n"


def machine() -> str:
    """Describe where and with what the figures were taken, as a table."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
    rows = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{_processor()}, {cores} cores",
        "memory": f"{memory:.0f} GiB",
        "load before the first benchmark": f"{loads} (over 1, 5 and 15 minutes)",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }
    lines = "\n".join(f"| {what} | {value} |" for what, value in rows.items())
    return f"| machine | |\n|---|---|\n{lines}\n"


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "not known"


def write_page(page: Path, parts: Sequence[str]) -> None:
    """Write the page, whole or not at all."""
    with written_at_end(page) as partial:
        partial.write_text("\n".join(parts), encoding="utf-8")


def main() -> None:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
    parts = [INTRODUCTION, machine()]
    if given.quick:
        parts.append("**A quick run, to see that everything runs: its figures mean nothing.**\n")
    for benchmark in BENCHMARKS:
        parts.append(section(benchmark, quick=given.quick))
    write_page(given.output, parts)
    sys.stdout.write(f"{given.output}\n")


if __name__ == "__main__":
    main()
