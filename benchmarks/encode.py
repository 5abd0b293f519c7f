"""Encoding texts in memory, against sentence-transformers with the same weights.

    .venv/bin/python benchmarks/encode.py

`space.encode(texts, modality="text")` and `SentenceTransformer.encode(texts)` in one process, both
on the CPU with MiniLM's weights, on texts of 4 to 40 words. They take turns at going first, and the
median of the turns' ratios counts. Seconds are of processor time: what else runs on the machine
counts for neither. SPANER does more: an aligner and the prompt follow the model. After the first
use of an encoder its weights are compared with those it was built with; the figures leave this out,
and the note below the table gives its time.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import spaner
from made_inputs import make_texts, minilm
from page import progress
from sentence_transformers import SentenceTransformer
from side_by_side import Comparison, median_of, median_ratio, seconds_of, show, take_turns
from spaner_core.pretrained.freeze import FrozenEncoder
from spaner_registry.plugins.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many texts are encoded in one call, how many turns are taken, and the ratio aimed at."""

    texts: int
    turns: int
    at_most: float


SIZES = (
    Size(texts=1, turns=41, at_most=1.3),
    Size(texts=32, turns=15, at_most=1.3),
    Size(texts=1000, turns=7, at_most=1),
)
QUICK_TEXTS = 64
WORDS = {"fewest": 4, "most": 40}
CONCEPTS, ROWS = 4, 32


def train_space(folder: Path) -> Path:
    """Train a small space of texts read by MiniLM; return its configuration's path."""
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["modality", "input", "concept"])
        for number, text in enumerate(make_texts(folder, count=ROWS)):
            table.writerow(["text", text, f"concept {number % CONCEPTS}"])
    config = folder / "plugins.yaml"
    config.write_text(
        "space: space\ndata: {manifest: manifest.csv}\ntraining: {max_steps: 20}\n"
        f"modalities: {{text: {{encoder: {{model: {minilm()}}}}}}}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "spaner", "train", "text", "--quiet", "--config", str(config)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return config


def compare(
    space: spaner.Space, library: SentenceTransformer, texts: list[str], size: Size
) -> Comparison:
    """Encode the same texts both ways in turn."""
    ways = {
        "ours": lambda: space.encode(texts, modality="text"),
        "library": lambda: library.encode(texts, show_progress_bar=False),
    }
    taken = [take_turns(ways, turn=n, clock=time.process_time) for n in range(size.turns)]
    ours, other = (f"{median_of(taken, name) * 1000:.1f} ms" for name in ways)
    return Comparison(
        what=f"{len(texts):,} texts" if len(texts) > 1 else "one text",
        ours=ours,
        other=f"sentence-transformers: {other}",
        ratio=median_ratio(taken, "ours", "library"),
        at_most=size.at_most,
    )


def proof_s() -> float:
    """Return how long it takes to prove that MiniLM did not change."""
    encoder: FrozenEncoder = Registry().load("text").build_encoder({"model": str(minilm())})
    return min(seconds_of(encoder.prove) for _ in range(5))


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one turn each, to see that it runs")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        progress("training a small space")
        space = spaner.load(train_space(Path(name)))
        library = SentenceTransformer(str(minilm()), device="cpu")
        sizes = [replace(s, texts=min(s.texts, QUICK_TEXTS), turns=1) for s in SIZES if quick]
        sizes = sizes or list(SIZES)
        texts = make_texts(Path(name), count=max(size.texts for size in sizes), **WORDS)
        compare(space, library, texts[:32], replace(SIZES[0], turns=1))  # warms up
        comparisons = []
        for size in sizes:
            progress(f"{size.texts} at once")
            comparisons.append(compare(space, library, texts[: size.texts], size))
        note = f"the proof that MiniLM's weights did not change takes {proof_s() * 1000:.0f} ms"
        show(comparisons, notes=[note])


if __name__ == "__main__":
    main()
