"""All benchmarks of speed, one after the other, written to docs/performance.md.

    .venv/bin/python benchmarks/performance.py

Each runs as a process of its own; what it says of itself and the table it prints become a section.
The page is written at the end, whole, or stays as it was.
"""

from __future__ import annotations

from pathlib import Path

from page import Benchmark, make_page, page_arguments

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

INTRODUCTION = """\
# Performance

How fast SPANER is, as ratios of two things that take turns in one run on one machine. Seconds are
given as well, to show the size of things; they hold for this machine, while a ratio also holds for
others. Aims are what we hold SPANER to; a figure that misses its aim stays in the table.
`.venv/bin/python benchmarks/performance.py` (or `make bench`) writes this page anew. Inputs and
features are synthetic wherever only speed is measured.
"""

BENCHMARKS = (
    Benchmark("extraction.py"),
    Benchmark("encode.py"),
    Benchmark("first_search.py", quick=("--processes", "1")),
    Benchmark("index.py"),
    Benchmark("serve.py"),
    Benchmark("streaming.py"),
    Benchmark("finetune.py"),
    Benchmark("train_step.py", quick=("--rounds", "1")),
)

if __name__ == "__main__":
    make_page(INTRODUCTION, BENCHMARKS, page_arguments(PAGE).parse_args())
