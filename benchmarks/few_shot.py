"""Few labels: retrieval by the number of labelled rows a concept.

    .venv/bin/python benchmarks/few_shot.py --seeds 5                      # the embedded default
    .venv/bin/python benchmarks/few_shot.py --seeds 5 --minilm
    .venv/bin/python benchmarks/few_shot.py --seeds 5 --token-attention    # ablation

Means over the six ordered pairs of images, texts and synthetic speech, strength 0.5, usual
settings, with 95% t-intervals over seeds that draw support sets and weights. Seconds are the
processor time of one training on extracted features.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import fmean

from digits import fit, interval, load_digits, measure, progress, trained_parameters


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", default="1,2,4,8,16,all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minilm", action="store_true")
    parser.add_argument("--english", action="store_true")
    parser.add_argument("--token-attention", action="store_true")
    arguments = parser.parse_args()
    digits = load_digits(
        minilm=arguments.minilm,
        english=arguments.english,
        token_attention=arguments.token_attention,
    )
    lines = ["| shots | recall@1 | mAP | CPU seconds | parameters |", "|---|---|---|---|---|"]
    for shots in arguments.shots.split(","):
        runs, seconds = [], []
        for seed in range(arguments.seeds):
            progress(f"{shots} shots, seed {seed}")
            start = time.process_time()
            space = fit(digits, None if shots == "all" else int(shots), seed)
            seconds.append(time.process_time() - start)
            runs.append(measure(digits, space))
        recall, precision = ([run[key] for run in runs] for key in ("recall@1", "map"))
        lines.append(
            f"| {shots} | {interval(recall)} | {interval(precision)} | {fmean(seconds):.1f} | "
            f"{trained_parameters(space):,} |"
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
