"""Pull strength: what 0, 0.5 and 1 do to a trained space, without retraining it.

    .venv/bin/python benchmarks/strength.py --shots 4 --seeds 5            # the embedded default
    .venv/bin/python benchmarks/strength.py --shots 4 --seeds 5 --minilm   # texts read by MiniLM
    .venv/bin/python benchmarks/strength.py --minilm --english             # its own language only

Few labelled digits, one training a seed: means over the six ordered pairs of images, texts and
synthetic speech, with 95% t-intervals over seeds, and the gain of 0.5 over 0, paired by seed.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import fmean

from digits import fit, interval, load_digits, measure, progress, trained_parameters

STRENGTHS = (0.0, 0.5, 1.0)
COLUMNS = (
    "recall@1", "map", "matched_cosine", "unmatched_cosine", "modality_gap", "knn_agreement",
)  # fmt: skip


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minilm", action="store_true")
    parser.add_argument("--english", action="store_true")
    arguments = parser.parse_args()
    digits = load_digits(minilm=arguments.minilm, english=arguments.english)
    runs: dict[float, list[dict[str, float]]] = {strength: [] for strength in STRENGTHS}
    seconds: list[float] = []
    for seed in range(arguments.seeds):
        progress(f"seed {seed}")
        start = time.process_time()
        space = fit(digits, arguments.shots, seed)
        seconds.append(time.process_time() - start)
        for strength in STRENGTHS:
            runs[strength].append(measure(digits, space, strength))
    lines = ["| strength | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for strength in STRENGTHS:
        cells = (interval([run[column] for run in runs[strength]]) for column in COLUMNS)
        lines.append(f"| {strength} | " + " | ".join(cells) + " |")
    gains = [half["map"] - none["map"] for half, none in zip(runs[0.5], runs[0.0], strict=True)]
    lines.append(
        f"\nmAP gained by strength 0.5 over 0, paired by seed: {interval(gains)}. A training took "
        f"{fmean(seconds):.1f} s of processor time and set {trained_parameters(space):,} numbers."
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
