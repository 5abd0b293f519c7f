"""All benchmarks of the method, two at once, written to docs/results.md.

    .venv/bin/python benchmarks/results.py                  # about 65 minutes on two free cores
    .venv/bin/python benchmarks/results.py --emoji emoji    # scripts/make_emoji.py has run already
    .venv/bin/python benchmarks/results.py --only strength,items     # other sections stay
    .venv/bin/python benchmarks/results.py --quick          # minutes, to see that everything runs

Each runs as a process of its own on one thread, and what it says of itself and the tables it prints
become a section. Times in them are processor times. The projects of emoji and factory are written
and read once, before anything runs; emoji need Debian's fonts-noto-color-emoji, unicode-data,
unicode-cldr-core and espeak-ng, unless a folder with the project is given.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from datasets import load_dataset
from page import Benchmark, choose, cores, make_page, page_arguments, progress
from standing import gathered

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results.md"
AT_ONCE = 2

INTRODUCTION = """\
# Results

What SPANER achieves, what simpler methods achieve on the same features, and what did not help.
`.venv/bin/python benchmarks/results.py` (or `make results`) writes this page anew, `--only` some of
its sections; below each stands when it was measured.

- **digits**: scikit-learn's handwriting, words and phrases in five languages written for the
  purpose, and **synthetic speech**; test writers, phrases and voices do not occur in training.
  `words` are the same rows, paired at random within a digit and trained by these pairs alone;
  `demo` has motions of people in addition.
- **emoji**: pictures of Noto Color Emoji read by EfficientNet-lite0, and their English names and
  keywords read by MiniLM; a concept is a Unicode subgroup, an item an emoji, and no item is in two
  splits. `spoken` has their names as synthetic speech in addition.
- **factory**: **synthetic** units of forty products with sheets, photos, sounds and vibrations, a
  tenth of the rows messy; a concept is a product, an item a unit.

Kinds are retrieved by concept, at pull strength 0.5; things by item, at 0. R@1 is the share of
queries whose first hit is right, mAP the mean average precision, MRR the mean reciprocal rank.
Intervals are 95% t-intervals over seeds, differences are paired by seed, settings are chosen on the
validation split, and the test split judges them once. How the method works, and how far its claims
can be trusted: [method.md](method.md).
"""

# kinds of heads that take long; compare.py without this flag tries them, too
WITHOUT = ("--without", "MLP, InfoNCE;MLP, bound to text;linear, SupCon;linear, InfoNCE")
EMOJI, FACTORY = ("--folder", "emoji"), ("--folder", "factory")
CURVES = {"digits": "results/hashed.png", "minilm": "results/minilm.png"}
# the parts that the method is known by; `make ablation` tries all
PARTS = (
    "class means,anchors from names,start from the names' map,pull in training,anchor loss,"
    "contrast of kinds,MLP,dropout of features"
)

KINDS = (
    Benchmark(
        "compare.py",
        full=(
            *("--shots", "1,2,4,8,all", "--seeds", "5", "--trials", "4", *WITHOUT),
            *("--curves", CURVES["digits"]),
        ),
        pictures={"R@1 and mAP by labelled rows a concept, a line a method": CURVES["digits"]},
    ),
    Benchmark(
        "compare.py",
        full=(
            *("--data", "digits-minilm", "--shots", "1,4,16", "--trials", "4", *WITHOUT),
            *("--curves", CURVES["minilm"]),
        ),
        quick=None,
        pictures={"The same with texts read by MiniLM": CURVES["minilm"]},
        title="Kinds: digits, texts read by MiniLM",
    ),
    Benchmark(
        "compare.py",
        full=(
            *("--data", "emoji", *EMOJI, "--shots", "1,all"),
            *("--seeds", "3", "--trials", "2", *WITHOUT),
        ),
        quick=None,
        title="Kinds: emoji",
    ),
    Benchmark(
        "compare.py",
        full=(
            *("--data", "factory", *FACTORY, "--shots", "all"),
            *("--seeds", "3", "--trials", "2", *WITHOUT),
        ),
        quick=None,
        title="Kinds: factory",
    ),
)

THINGS = (
    Benchmark("items.py", full=("--data", "words")),
    Benchmark(
        "items.py",
        full=("--data", "emoji", *EMOJI),
        quick=None,
        title="The very same thing: emoji",
    ),
    Benchmark(
        "items.py",
        full=("--data", "factory", *FACTORY),
        quick=None,
        title="The very same thing: factory",
    ),
    Benchmark("pairs.py", full=("--pairs", "5000", "--concepts", "500", "1000", "--seeds", "3")),
    Benchmark("unlabelled_pairs.py", full=(*EMOJI, "--shots", "1", "--seeds", "3")),
)

LATER = (
    Benchmark("newcomers.py", full=("--data", "demo", "--shots", "4", "--seeds", "3")),
    Benchmark(
        "newcomers.py",
        full=("--data", "factory", *FACTORY, "--seeds", "3"),
        quick=None,
        title="Each modality as the newcomer: factory",
    ),
    Benchmark(
        "newcomers.py",
        full=("--data", "emoji", *EMOJI, "--newcomers", "text,vision", "--seeds", "3"),
        quick=None,
        title="Each modality as the newcomer: emoji",
    ),
    Benchmark("extend.py", full=("--seeds", "3"), quick=("--shots", "4", "--seeds", "1")),
    Benchmark("strength.py"),
    Benchmark(
        "strength.py",
        full=("--data", "emoji", *EMOJI, "--shots", "all"),
        quick=None,
        title="Pull strength: emoji",
    ),
)

DATA_AS_THEY_ARE = (
    Benchmark("labels.py", full=("wrong", "--seeds", "3"), quick=("wrong", "--quick")),
    Benchmark(
        "labels.py",
        full=("unlabelled", "--shots", "1", "4", "--seeds", "5"),
        quick=None,
        title="Few labels: what the pool of unlabelled rows gains",
    ),
    Benchmark("doubts.py", full=("--seeds", "5")),
    Benchmark(
        "robustness.py",
        full=("--curves", "results"),
        pictures={
            f"mAP of {name} by severity, a line a corruption": f"results/{name}.png"
            for name in ("text", "vision", "audio", "sensor")
        },
    ),
)

BELIEF = (
    Benchmark("strangers.py", full=("--emoji", "emoji")),
    Benchmark("drift.py", full=("--emoji", "emoji")),
    Benchmark("unknown_kinds.py"),
    Benchmark(
        "unknown_kinds.py",
        full=("--data", "factory", *FACTORY),
        quick=None,
        title="Queries without a match: factory",
    ),
    Benchmark("why.py"),
)

PARTS_OF_IT = (
    Benchmark("readers.py", full=(*EMOJI, "--seeds", "3")),
    Benchmark("classifiers.py", full=("--data", "digits", "--shots", "1,all", "--seeds", "5")),
    Benchmark(
        "ablation.py",
        full=("--data", "digits", "--shots", "1", "--seeds", "4", "--parts", PARTS),
    ),
    Benchmark("space.py", full=("--seeds", "3")),
)

BENCHMARKS = (*KINDS, *THINGS, *LATER, *DATA_AS_THEY_ARE, *BELIEF, *PARTS_OF_IT)


def prepare(benchmarks: Sequence[Benchmark], place: Path, *, emoji: Path | None) -> None:
    """Write the projects that the benchmarks read, and extract their features, in `place`.

    Exits with code 2 where something to write the emoji from is missing.
    """
    flags = {flag for one in benchmarks for flag in one.full}
    if "emoji" in flags:
        folder = place / "emoji"
        if emoji:
            folder.symlink_to(emoji.resolve(), target_is_directory=True)
        else:
            script = str(ROOT / "scripts" / "make_emoji.py")
            ended = subprocess.run([sys.executable, script, str(folder)], check=False)
            if ended.returncode:
                progress("no emoji: install what is missing, or give --emoji FOLDER")
                raise SystemExit(2)
        load_dataset("emoji", folder=folder)
    if "factory" in flags:
        (place / "factory").mkdir()
        load_dataset("factory", folder=place / "factory")


def main() -> None:
    """Prepare the data, run the benchmarks and write the page."""
    parser = page_arguments(PAGE)
    parser.add_argument("--emoji", type=Path, help="a project of scripts/make_emoji.py")
    given: argparse.Namespace = parser.parse_args()
    if given.emoji and not (given.emoji / "plugins.yaml").is_file():
        parser.error(f"--emoji {given.emoji}: no plugins.yaml is there; run scripts/make_emoji.py")
    chosen = choose(BENCHMARKS, given)
    with tempfile.TemporaryDirectory() as name:
        if not given.quick:
            prepare(chosen, Path(name), emoji=given.emoji)
        make_page(
            INTRODUCTION,
            BENCHMARKS,
            given,
            place=Path(name),
            at_once=min(AT_ONCE, cores()),
            summary=gathered,
        )


if __name__ == "__main__":
    main()
