"""All benchmarks of the method, one after the other, written to docs/results.md.

    .venv/bin/python benchmarks/results.py            # within an hour on two cores
    .venv/bin/python benchmarks/results.py --quick    # minutes, to see that everything runs

Each runs as a process of its own; what it says of itself and the tables it prints become a section.
"""

from __future__ import annotations

from pathlib import Path

from page import Benchmark, make_page

DOCS = Path(__file__).parents[1] / "docs"

INTRODUCTION = """\
# Results

What SPANER reaches, what simpler ways reach from the same features, and what lost. Every table is
printed by the command above it; `.venv/bin/python benchmarks/results.py` (or `make results`) makes
this page anew. Digits are real handwriting, texts are written for the purpose, **speech is
synthetic**; test writers, phrases and voices do not occur in training. R@1 is the share of queries
whose first hit has the right concept, mAP the mean average precision. Intervals are 95%
t-intervals over seeds that draw support sets and weights, differences are paired by seed, settings
are chosen on the validation split, and the test split judges them once. How the method works, and
how hard its claims may be taken: [method.md](method.md).
"""

BENCHMARKS = (
    Benchmark("compare.py"),
    Benchmark("few_shot.py", quick=("--shots", "4", "--seeds", "2")),
    Benchmark("strength.py", quick=("--seeds", "2")),
    Benchmark("attach.py", quick=("--shots", "4", "--seeds", "2")),
    Benchmark("extend.py", quick=("--shots", "4", "--seeds", "2")),
    Benchmark("robustness.py", full=("--curves", str(DOCS / "results"))),
)

if __name__ == "__main__":
    make_page(INTRODUCTION, BENCHMARKS, DOCS / "results.md")
