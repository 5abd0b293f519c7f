"""Queries without a match: how many pass, of kinds that the space has never seen and of others.

    .venv/bin/python benchmarks/unknown_kinds.py --data demo
    .venv/bin/python benchmarks/unknown_kinds.py --data factory --folder factory
    .venv/bin/python benchmarks/unknown_kinds.py --quick       # to see that it runs

Concepts are drawn into four parts. For each part a space is trained and calibrated, at a rate of
.05, without the rows and names of its concepts. Then test rows search the test rows of the other
concepts. `unknown kind` are rows of the part's concepts: neither training nor the gallery has any.
`not there` are rows of the other concepts when the rows that are relevant to them are taken out of
the gallery. Both should pass in at most twice .05 of the cases. `found` is the share of queries
with a relevant row in the gallery that pass. `before` is a threshold on the best score alone, as
the validation gallery has it; `now` asks in addition whether one kind stands out among the familiar
rows and whether query and hit lie nearest the same anchor, and raises the threshold with the size
of the gallery. The second table has the same test rows search all rows of the other concepts, those
of training and validation, too: `as fitted` by the threshold of the validation gallery, which has
so many `times` fewer rows, `grown` by that of the larger one. Means over the spaces, four a seed,
which draws parts and weights, with 95% t-intervals.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from datasets import configure
from page import as_section, progress
from spaner.commands import Project
from spaner.demo.dataset import put, table, write_dataset
from spaner.demo.factory.project import write_factory
from spaner.evaluation.embedded_rows import EmbeddedRows, embed_split
from spaner.result_tables import Table, interval_cell
from spaner.search.calibration_file import CalibratedPair, calibration_path, read_familiar
from spaner.search.fit_pairs import Judged, fit_pairs
from spaner.search.gallery import anchors_near
from spaner.search.judged_query import judge
from spaner.splits import TEST_SPLIT, VALIDATION_SPLIT
from spaner_core.data.matches import number_rows, numbers_of
from spaner_core.evaluation.intervals import Interval, intervals
from spaner_core.evaluation.ranking import SCORE_STEPS, score_steps, unit_pair
from torch import Tensor

PARTS, RATE = 4, 0.05
NONE = -2.0
"""A score below all others."""
FIGURES = ("unknown kind", "not there", "found")
WAYS = ("before", "now")
AMONG_ALL, GROWTH = FIGURES[1:], ("as fitted", "grown")

Figures = dict[str, float | None]


class JudgedRows(NamedTuple):
    """Rows of a modality: embeddings (n, D), concepts (n,), numbers (n,) of the nearest anchors.

    `known` (n,) bool says of which one kind stands out.
    """

    vectors: Tensor
    concepts: Tensor
    anchors: Tensor
    known: Tensor


class Asked(NamedTuple):
    """What a match is asked for: a cosine, and whether kinds and anchors count."""

    cosine: float
    kinds: bool
    anchors: bool


def main() -> None:
    """Train without each part, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", choices=("demo", "factory"), default="demo")
    parser.add_argument("--folder", type=Path, help="where the data stand already")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="short trainings without one part")
    given = parser.parse_args()
    runs: dict[int, Figures] = {}
    with tempfile.TemporaryDirectory() as name:
        data = given.folder or _written(Path(name) / "data", given.data)
        for seed in range(given.seeds):
            for part in range(1 if given.quick else PARTS):
                progress(f"{given.data}, seed {seed}, part {part}")
                folder = Path(name) / f"{seed}-{part}"
                project, unknown = _without(data, folder, given.data, seed, part, given.quick)
                runs[len(runs)] = _measured(project, unknown)
    found, data = intervals(runs), f"{given.data}, {len(runs)} spaces"
    for title, figures, ways in (
        (f"Queries without a match: {data}", FIGURES, WAYS),
        (f"The same among all rows: {data}", AMONG_ALL, GROWTH),
    ):
        columns = [f"{figure}: {way}" for figure in figures for way in ways]
        if ways is GROWTH:
            columns.insert(0, "times")
        lines = [*_lines(found, columns)]
        sys.stdout.write(as_section(Table(title, ("query", "finds", *columns), lines)) + "\n")


def _written(folder: Path, data: str) -> Path:
    if data == "demo":
        write_dataset(folder)
    else:
        write_factory(folder)
    return folder


def _without(
    data: Path, folder: Path, name: str, seed: int, part: int, quick: bool
) -> tuple[Project, set[str]]:
    """Train and calibrate a space without the concepts of a part; return these besides."""
    rows = _read(data / "manifest.csv")
    concepts = sorted({row["concept"] for row in rows})
    order = torch.randperm(len(concepts), generator=torch.Generator().manual_seed(100 + seed))
    unknown = {concepts[place] for place in order[part::PARTS].tolist()}
    kept = [row for row in rows if row["split"] == TEST_SPLIT or row["concept"] not in unknown]
    folder.mkdir()
    for entry in data.iterdir():
        if entry.is_dir() and not entry.name.startswith("space"):
            (folder / entry.name).symlink_to(entry.resolve(), target_is_directory=True)
    put(folder / "manifest.csv", table(tuple(rows[0]), kept))
    names = [row for row in _read(data / "labels.csv") if row["concept"] not in unknown]
    put(folder / "labels.csv", table(("concept", "text"), names))
    package = "spaner.demo" if name == "demo" else "spaner.demo.factory"
    config = configure(folder, package=package, quick=quick)
    project = Project(config, seed=seed, device="cpu")
    project.train()
    return project, unknown


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _measured(project: Project, unknown: set[str]) -> Figures:
    calibration = project.calibrate(false_accept_rate=RATE).calibration
    before = {(pair.source, pair.target): pair.threshold for pair in _by_score_alone(project)}
    concepts = project.manifest.concepts
    strange = numbers_of(sorted(unknown), concepts)
    test, every = {}, {}
    embedded = {split: embed_split(project, split) for split in project.manifest.splits}
    for name, part in embedded[TEST_SPLIT].items():
        test[name] = _judged(project, name, part)
        parts = [_judged(project, name, of[name]) for of in embedded.values() if name in of]
        every[name] = JudgedRows(*map(torch.cat, zip(*parts, strict=True)))
    figures: Figures = {}
    for pair in calibration.pairs:
        wanted, earlier = pair.threshold, before.get((pair.source, pair.target))
        if wanted is None or earlier is None:
            continue
        queries, few, all_rows = test[pair.source], test[pair.target], every[pair.target]
        few, all_rows = (_without_kinds(rows, strange) for rows in (few, all_rows))
        now = Asked(wanted.at(len(few.concepts)), True, wanted.same_anchor)
        found = {
            **_passed(queries, few, strange, Asked(earlier.cosine, False, False), "before"),
            **_passed(queries, few, strange, now, "now"),
            **_passed(queries, all_rows, strange, now._replace(cosine=wanted.cosine), GROWTH[0]),
        }
        grown = now._replace(cosine=wanted.at(len(all_rows.concepts)))
        found |= _passed(queries, all_rows, strange, grown, GROWTH[1])
        found["times"] = len(all_rows.concepts) / pair.gallery
        figures |= {f"{pair.source} {pair.target} {name}": value for name, value in found.items()}
    return figures


def _judged(project: Project, name: str, part: EmbeddedRows) -> JudgedRows:
    familiar = read_familiar(calibration_path(project.config.space), name)
    known = torch.ones(len(part.rows), dtype=torch.bool)
    if familiar and familiar.kinds:
        features = project.features(name, part.rows).features
        said = judge(project, name, features, familiar)
        known = torch.tensor([one.kind is not None and one.kind <= RATE for one in said])
    numbers = numbers_of([row.concept for row in part.rows], project.manifest.concepts)
    anchors = anchors_near(project, name, part.embeddings)  # all know the same ones here
    return JudgedRows(part.embeddings, numbers, anchors, known)


def _without_kinds(rows: JudgedRows, strange: Tensor) -> JudgedRows:
    there = ~torch.isin(rows.concepts, strange)
    return JudgedRows(*(column[there] for column in rows))


def _by_score_alone(project: Project) -> list[CalibratedPair]:
    embedded = embed_split(project, VALIDATION_SPLIT)
    alone = {
        name: Judged(part.embeddings, number_rows(part.rows, project.manifest), None)
        for name, part in embedded.items()
    }
    return fit_pairs(project, alone, rate=RATE)[0]


def _passed(
    queries: JudgedRows, gallery: JudgedRows, strange: Tensor, asked: Asked, way: str
) -> Figures:
    """Say which share of queries of each sort passes in a gallery without `strange` concepts."""
    steps = score_steps(*unit_pair(queries.vectors, gallery.vectors)) / SCORE_STEPS
    if asked.anchors:
        steps = steps.masked_fill(queries.anchors.unsqueeze(1) != gallery.anchors, NONE)
    if asked.kinds:
        steps = steps.masked_fill(~queries.known.unsqueeze(1), NONE)
    relevant = queries.concepts.unsqueeze(1) == gallery.concepts
    best, rest = steps.amax(dim=1), steps.masked_fill(relevant, NONE).amax(dim=1)
    unseen, found = torch.isin(queries.concepts, strange), relevant.any(dim=1)
    figures: Figures = {}
    for name, scores, those in zip(
        FIGURES, (best, rest, best), (unseen, ~unseen, found), strict=True
    ):
        passed = ((scores >= asked.cosine) & (scores > NONE))[those]
        figures[f"{name}: {way}"] = float(passed.double().mean()) if len(passed) else None
    return figures


def _lines(found: Mapping[str, Interval], columns: Sequence[str]) -> Iterator[list[str]]:
    for source, target in dict.fromkeys(tuple(key.split(" ", 2)[:2]) for key in found):
        cells = (found.get(f"{source} {target} {column}") for column in columns)
        yield [source, target, *map(interval_cell, cells)]


if __name__ == "__main__":
    main()
