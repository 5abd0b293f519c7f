"""Pull strength: the knob between the very same thing and the same kind, without retraining.

    .venv/bin/python benchmarks/strength.py --seeds 5   # digits, 4 labels a concept
    .venv/bin/python benchmarks/strength.py --data digits-minilm
    .venv/bin/python benchmarks/strength.py --data emoji --shots all       # things, too

One training a seed, measured at every strength on the test split: means over the ordered pairs,
with 95% t-intervals over seeds that draw labelled rows and weights, and what 0.5 gains over 0,
paired by seed. Kinds are retrieved by concept, things by item where the data have any.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

from datasets import Dataset, Rows, load_dataset
from page import as_section, progress
from spaner.result_tables import Table, interval_cell
from spaner.training.plan import count_parameters
from spaner_core.evaluation.coherence import coherence_by_pair
from spaner_core.evaluation.intervals import intervals, paired_differences
from spaner_core.evaluation.retrieval import retrieval_by_item, retrieval_by_pair
from spaner_core.features.rows import flat_vectors
from spaner_core.space.space import Space
from trials import draw_support, embed, fit, kinds

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
FIGURES = {
    "mean_recall@1": "kinds: R@1",
    "mean_map": "mAP",
    "mean_item_recall@1": "things: R@1",
    "mean_item_mrr@10": "MRR",
    "matched_cosine": "matched cosine",
    "unmatched_cosine": "unmatched cosine",
    "modality_gap": "modality gap",
    "knn_agreement": "kNN agreement with the encoder",
}
GAINS = {key: title for key, title in FIGURES.items() if key.startswith("mean_")}

Figures = dict[str, float | None]


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--folder", type=Path, help="where the data set lies, or is written to")
    parser.add_argument("--shots", default="4", help="labelled rows a concept, or all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="1 seed of few digits")
    given = parser.parse_args()
    dataset = load_dataset(given.data, quick=given.quick, folder=given.folder)
    shots = None if given.shots == "all" else int(given.shots)
    runs: dict[float, dict[int, Figures]] = {strength: {} for strength in STRENGTHS}
    seconds: list[float] = []
    for seed in range(1 if given.quick else given.seeds):
        progress(f"{given.data}, seed {seed}")
        start = time.process_time()
        space = fit(dataset, seed=seed, rows=draw_support(dataset.train, shots, seed))
        seconds.append(time.process_time() - start)
        for strength in STRENGTHS:
            runs[strength][seed] = measure(space, dataset.held_out["test"], strength)
    sys.stdout.write(as_section(_table(dataset, runs, given.shots)) + "\n")
    parameters = sum(map(count_parameters, [space.prompt, *map(space.aligner, space.modalities)]))
    sys.stdout.write(
        f"A training took {fmean(seconds):.1f} s of processor time and set {parameters:,} "
        "numbers.\n"
    )


def measure(space: Space, rows: Rows, strength: float) -> Figures:
    """Measure retrieval, and means over pairs and modalities of what says how the space lies."""
    embeddings = embed(space, rows, strength)
    references = {name: flat_vectors(part.features) for name, part in rows.items()}
    figures = retrieval_by_pair(embeddings, kinds(rows))
    figures |= retrieval_by_item(embeddings, {name: part.labels for name, part in rows.items()})
    found = coherence_by_pair(embeddings, kinds(rows), references=references)
    for key in FIGURES:
        values = [v for name, v in found.items() if name.endswith(f"_{key}") and v is not None]
        if values:
            figures[key] = fmean(values)
    return figures


def _table(dataset: Dataset, runs: Mapping[float, Mapping[int, Figures]], shots: str) -> Table:
    found = {strength: intervals(own) for strength, own in runs.items()}
    shown = {key: title for key, title in FIGURES.items() if key in found[0.0]}
    gains = paired_differences(runs[0.5], runs[0.0])
    lines = [
        (str(strength), *(interval_cell(own[key]) for key in shown))
        for strength, own in found.items()
    ]
    gained = [interval_cell(gains[key], signed=True) if key in GAINS else "" for key in shown]
    title = f"{dataset.name}, {shots} labels" + ("" if shots == "all" else " a concept")
    return Table(title, ("strength", *shown.values()), [*lines, ("0.5 minus 0", *gained)])


if __name__ == "__main__":
    main()
