"""Retrieval from few labelled digits: R@1 and mAP by number of labelled rows a concept.

    .venv/bin/python benchmarks/few_shot.py --seeds 5                      # the embedded default
    .venv/bin/python benchmarks/few_shot.py --seeds 5 --minilm
    .venv/bin/python benchmarks/few_shot.py --seeds 5 --token-attention    # ablation

Means over the six ordered pairs of images, texts and synthetic speech, strength 0.5, with 95%
t-intervals over seeds that draw support sets and weights.
"""

from __future__ import annotations

import argparse
import sys

from digits import fit, interval, load_digits, measure, progress


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
    lines = ["| shots | recall@1 | mAP |", "|---|---|---|"]
    for shots in arguments.shots.split(","):
        runs = []
        for seed in range(arguments.seeds):
            progress(f"{shots} shots, seed {seed}")
            space = fit(digits, None if shots == "all" else int(shots), seed)
            runs.append(measure(digits, space))
        recall, precision = ([run[key] for run in runs] for key in ("recall@1", "map"))
        lines.append(f"| {shots} | {interval(recall)} | {interval(precision)} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
