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
of the gallery. Means over the spaces, four a seed,
which draws parts and weights, with 95% t-intervals.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from datasets import configure
from page import as_section, progress
from spaner.commands import Project
from spaner.demo.dataset import put, table, write_dataset
from spaner.demo.factory.project import write_factory
from spaner.evaluation.embedded_rows import embed_split
from spaner.result_tables import Table, interval_cell
from spaner.search.calibration_file import CalibratedPair, calibration_path, read_familiar
from spaner.search.fit_pairs import Judged, fit_pairs
from spaner.search.gallery import anchors_near
from spaner.search.judged_query import judge
from spaner.splits import TEST_SPLIT, VALIDATION_SPLIT
from spaner_core.data.matches import number_rows, numbers_of
from spaner_core.evaluation.intervals import intervals
from spaner_core.evaluation.no_match import MatchThreshold
from spaner_core.evaluation.ranking import SCORE_STEPS, score_steps, unit_pair
from torch import Tensor

PARTS, RATE = 4, 0.05
FIGURES = ("unknown kind", "not there", "found")
WAYS = ("before", "now")

Figures = dict[str, float | None]


class TestRows(NamedTuple):
    """Test rows of a modality: embeddings (n, D), concepts (n,), whether one kind stands out.

    `anchors` (n,) are the numbers of the nearest ones.
    """

    vectors: Tensor
    concepts: Tensor
    known: Tensor
    anchors: Tensor


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
    title = f"Queries without a match: {given.data}, {len(runs)} spaces"
    heads = ("query", "finds", *(f"{figure}: {way}" for figure in FIGURES for way in WAYS))
    sys.stdout.write(as_section(Table(title, heads, [*_lines(runs)])))


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
    rows = {}
    for name, part in embed_split(project, TEST_SPLIT).items():
        familiar = read_familiar(calibration_path(project.config.space), name)
        known = torch.ones(len(part.rows), dtype=torch.bool)
        if familiar and familiar.kinds:
            features = project.features(name, part.rows).features
            said = judge(project, name, features, familiar)
            known = torch.tensor([one.kind is not None and one.kind <= RATE for one in said])
        numbers = numbers_of([row.concept for row in part.rows], concepts)
        anchors = anchors_near(project, name, part.embeddings)  # all know the same ones here
        rows[name] = TestRows(part.embeddings, numbers, known, anchors)
    figures: Figures = {}
    for pair in calibration.pairs:
        earlier = before.get((pair.source, pair.target))
        if pair.threshold is not None and earlier is not None:
            for figure, value in _passed(pair, earlier, rows, strange).items():
                figures[f"{pair.source} {pair.target} {figure}"] = value
    return figures


def _by_score_alone(project: Project) -> list[CalibratedPair]:
    embedded = embed_split(project, VALIDATION_SPLIT)
    alone = {
        name: Judged(part.embeddings, number_rows(part.rows, project.manifest), None)
        for name, part in embedded.items()
    }
    return fit_pairs(project, alone, rate=RATE)[0]


def _passed(
    pair: CalibratedPair, earlier: MatchThreshold, rows: Mapping[str, TestRows], strange: Tensor
) -> Figures:
    """Say which share of queries passes, before and now."""
    assert pair.threshold
    queries, gallery = rows[pair.source], rows[pair.target]
    there = ~torch.isin(gallery.concepts, strange)
    concepts, wanted = gallery.concepts[there], pair.threshold
    plain = score_steps(*unit_pair(queries.vectors, gallery.vectors[there])) / SCORE_STEPS
    relevant = queries.concepts.unsqueeze(1) == concepts
    unseen, found = torch.isin(queries.concepts, strange), relevant.any(dim=1)
    figures: Figures = {}
    for way in WAYS:
        cosine, known, steps = earlier.cosine, torch.ones_like(queries.known), plain
        if way == "now":
            cosine, known = wanted.at(len(concepts)), queries.known
            if wanted.same_anchor:
                alike = queries.anchors.unsqueeze(1) == gallery.anchors[there]
                steps = plain.masked_fill(~alike, -2.0)
        best, rest = steps.amax(dim=1), steps.masked_fill(relevant, -2.0).amax(dim=1)
        for name, scores, those in zip(
            FIGURES, (best, rest, best), (unseen, ~unseen, found), strict=True
        ):
            passed = ((scores >= cosine) & (scores > -2.0) & known)[those]
            figures[f"{name}: {way}"] = float(passed.double().mean()) if len(passed) else None
    return figures


def _lines(runs: Mapping[int, Figures]) -> Iterator[list[str]]:
    found = intervals(runs)
    pairs = dict.fromkeys(tuple(key.split(" ", 2)[:2]) for key in found)
    for source, target in pairs:
        cells = (f"{source} {target} {figure}: {way}" for figure in FIGURES for way in WAYS)
        yield [source, target, *(interval_cell(found.get(cell)) for cell in cells)]


if __name__ == "__main__":
    main()
