"""The whole space: every pair of modalities both ways, readable scores, carried labels.

    .venv/bin/python benchmarks/space.py --seeds 5
    .venv/bin/python benchmarks/space.py --quick        # to see that it runs

All four modalities of the demonstration's data, trained together as its plugins.yaml says, once a
seed, and measured on the test split as `spaner evaluate`, `spaner calibrate` and `spaner propagate`
do. Texts and speech name ten digits and four motions, pictures show digits, and series are motions.
So pictures and series have no concept in common, and no line here. It also means that many queries
by text or speech have no answer among pictures or series, which the probability of a hit has to
show, and that pictures and series can give only wrong labels to rows of the other concepts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import combinations, permutations
from pathlib import Path
from statistics import fmean

from judging import Figures, judge_labels, judge_scores
from page import as_section, progress
from spaner.demo.dataset import PLUGINS_YAML, write_dataset
from spaner.evaluation.evaluate import evaluate
from spaner.project import Project
from spaner.result_tables import NOTHING, Table, interval_cell
from spaner.training.train import TrainingReport, train
from spaner_core.evaluation.intervals import Interval, intervals
from spaner_registry.config.settings import read_config

RETRIEVAL = {
    "recall@1": "R@1",
    "recall@10": "R@10",
    "map": "mAP",
    "hub_skewness@10": "hub skewness",
}
COHERENCE = {
    "matched_cosine": "matched cosine",
    "unmatched_cosine": "unmatched cosine",
    "modality_gap": "modality gap",
    "alignment": "alignment",
}
BY_MODALITY = {
    "among_all_recall@1": "one gallery of all: R@1",
    "among_all_map": "mAP",
    "knn_agreement": "kNN agreement with the encoder",
    "linear_cka": "linear CKA with the encoder",
    "uniformity": "uniformity",
}
SCORES = {
    "promised": "probability promised",
    "relevant": "share relevant",
    "brier": "Brier score",
    "validation_accepts": "false accepts on validation",
    "accepts": "on test",
    "rejects": "false rejects on test",
}
LABELS = {"labelled": "labelled", "right": "right of these", "all_right": "right of all"}


def main() -> None:
    """Train and measure once a seed, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a short training of one seed")
    given = parser.parse_args()
    runs: dict[int, Figures] = {}
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder))
        for seed in range(1 if given.quick else given.seeds):
            progress(f"seed {seed}")
            project = _project(Path(folder), seed, quick=given.quick)
            for name in project.config.modalities:
                project.features(name, project.manifest.select(name))
            start = time.process_time()
            trained = train(project, overwrite=seed > 0)
            seconds.append(time.process_time() - start)
            measured = (evaluate(project, "test"), judge_scores(project), judge_labels(project))
            runs[seed] = {name: value for part in measured for name, value in part.items()}
    sys.stdout.write(_cost(trained, seconds))
    for table in _tables(tuple(trained.rows), intervals(runs)):
        sys.stdout.write("\n" + as_section(table))


def _project(folder: Path, seed: int, *, quick: bool) -> Project:
    (folder / PLUGINS_YAML).write_bytes((files("spaner.demo") / PLUGINS_YAML).read_bytes())
    config = read_config(folder / PLUGINS_YAML)
    training = replace(config.training, seed=seed)
    if quick:
        training = replace(training, max_steps=20, warmup_steps=2)
    return Project(config.model_copy(update={"training": training}), device="cpu")


def _cost(trained: TrainingReport, seconds: Sequence[float]) -> str:
    parameters = sum(trained.trained_parameters.values())
    return (
        f"Every figure below is of the same trainings: {fmean(seconds):.1f} s of processor time "
        f"each, on extracted features, {parameters:,} parameters in the aligners.\n"
    )


def _tables(names: Sequence[str], found: Mapping[str, Interval]) -> Iterator[Table]:
    ordered = [f"{source}_to_{target}" for source, target in permutations(names, 2)]
    pairs = [f"{a}_to_{b}" for a, b in combinations(sorted(names), 2)]
    yield _table("Retrieval, each ordered pair", ordered, RETRIEVAL, found)
    yield _table("Coherence, each pair", pairs, COHERENCE, found, arrow=" and ")
    yield _table(
        "Each modality among all others, and beside its encoder", names, BY_MODALITY, found
    )
    yield _table(
        "What calibration on validation rows promises (first ten hits; false accepts asked: 0.05), "
        "and what test rows show",
        ordered,
        SCORES,
        found,
    )
    yield _table(
        "Labels carried from training rows to test rows: share above confidence 0.8, and how many "
        "of them, and of all, are right",
        ordered,
        LABELS,
        found,
    )


def _table(
    title: str,
    places: Sequence[str],
    columns: Mapping[str, str],
    found: Mapping[str, Interval],
    *,
    arrow: str = " → ",
) -> Table:
    """Lay out what was measured at each place, which is left out where that is nothing."""
    lines = {
        place: [interval_cell(found.get(f"{place}_{key}")) for key in columns] for place in places
    }
    shown = [
        (place.replace("_to_", arrow), *cells)
        for place, cells in lines.items()
        if cells[0] != NOTHING
    ]
    return Table(title, ("", *columns.values()), shown)


if __name__ == "__main__":
    main()
