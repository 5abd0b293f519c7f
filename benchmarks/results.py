"""All benchmarks of the method, one after the other, written to docs/results.md.

    .venv/bin/python benchmarks/results.py            # within an hour on two cores
    .venv/bin/python benchmarks/results.py --quick    # minutes, to see that everything runs

Each runs as a process of its own, as many at once as there are cores, and what it says of itself
and the tables it prints become a section. Times in them are processor times.
"""

from __future__ import annotations

from pathlib import Path

from page import Benchmark, cores, make_page

DOCS = Path(__file__).parents[1] / "docs"

INTRODUCTION = """\
# Results

What SPANER achieves, what simpler methods achieve on the same features, and what did not help. The
command above each table prints it; `.venv/bin/python benchmarks/results.py` (or `make results`)
writes this page anew. Digits are real handwriting, texts are written for the purpose, **speech is
synthetic**; test writers, phrases and voices do not occur in training. R@1 is the share of queries
whose first hit has the right concept, mAP the mean average precision. Intervals are 95%
t-intervals over seeds that draw support sets and weights, differences are paired by seed, settings
are chosen on the validation split, and the test split judges them once. How the method works, and
how far its claims can be trusted: [method.md](method.md).
"""

PICTURES = "docs/results"
FEW = ("--shots", "4", "--seeds", "1")

BENCHMARKS = (
    Benchmark("space.py", quick=("--seeds", "1")),
    Benchmark(
        "compare.py",
        full=("--curves", f"{PICTURES}/hashed.png"),
        pictures={"R@1 and mAP by labelled rows a concept, a line a method": "results/hashed.png"},
    ),
    Benchmark(
        "compare.py",
        full=("--minilm", "--curves", f"{PICTURES}/minilm.png"),
        quick=None,
        pictures={"The same with texts read by MiniLM": "results/minilm.png"},
        title="SPANER against simpler ways, texts read by MiniLM, and MiniLM itself tuned",
    ),
    Benchmark("few_shot.py", quick=FEW),
    *(
        Benchmark("few_shot.py", full=flags, quick=None, title=f"Few labels: {title}")
        for title, flags in {
            "English texts alone": ("--english",),
            "texts read by MiniLM": ("--minilm",),
            "English texts alone, read by MiniLM": ("--minilm", "--english"),
            "tokens attend to the prompt before they are read": ("--token-attention",),
        }.items()
    ),
    Benchmark("strength.py", quick=FEW),
    Benchmark(
        "strength.py",
        full=("--minilm",),
        quick=None,
        title="Pull strength: texts read by MiniLM",
    ),
    Benchmark("attach.py", quick=FEW),
    Benchmark("extend.py", quick=FEW),
    Benchmark(
        "robustness.py",
        full=("--curves", PICTURES),
        pictures={
            f"mAP of {name} by severity, a line a corruption": f"results/{name}.png"
            for name in ("text", "vision", "audio", "sensor")
        },
    ),
)

if __name__ == "__main__":
    make_page(INTRODUCTION, BENCHMARKS, DOCS / "results.md", at_once=cores())
