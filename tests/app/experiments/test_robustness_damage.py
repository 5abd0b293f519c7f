"""Training data that falls short: what is drawn, and what it costs against clean training."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from statistics import fmean

import pytest
import torch
from spaner.cli.output import say_table
from spaner.experiments.retrain import Embedded, Retraining, prepare_retraining
from spaner.experiments.robustness.damage import (
    damages,
    with_imbalance,
    with_wrong_labels,
    without_concepts,
    without_modality,
)
from spaner.experiments.robustness.damaged_training import TrainingRobustness, measure_training
from spaner.experiments.robustness.tables_and_curves import training_table
from spaner.project import Project
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows
from spaner_registry.config.settings import read_config
from torch import Tensor

Configure = Callable[..., None]


def rows_of(concepts: list[int]) -> LabelledRows:
    count = len(concepts)
    values = torch.arange(float(count)).reshape(count, 1, 1)  # a row is known by its only feature
    return LabelledRows(
        features=FeatureRows(values=values, mask=torch.ones(count, 1, dtype=torch.bool)),
        concepts=torch.tensor(concepts),
        items=torch.full((count,), -1),
    )


ROWS = {
    "many": rows_of([*range(6)] * 40 + [-1] * 10),
    "few": rows_of([1, 4] * 50),
}


def changed(share: float, seed: int) -> dict[str, Tensor]:
    damaged = with_wrong_labels(ROWS, share, seed=seed).rows
    return {name: damaged[name].concepts != rows.concepts for name, rows in ROWS.items()}


def test_wrong_labels_are_another_of_the_modalitys_concepts() -> None:
    for name, rows in with_wrong_labels(ROWS, 0.2, seed=0).rows.items():
        clean = ROWS[name].concepts
        wrong = rows.concepts != clean
        assert int(wrong.sum()) == round(0.2 * int((clean >= 0).sum()))
        assert set(rows.concepts.tolist()) <= set(clean.tolist())
        assert (rows.concepts[clean < 0] == -1).all()


def test_more_wrong_labels_include_the_fewer_ones_of_the_same_seed() -> None:
    less, more, other = changed(0.1, 0), changed(0.2, 0), changed(0.1, 1)
    for name in ROWS:
        assert (more[name] | ~less[name]).all()
        assert not torch.equal(less[name], other[name])


def test_a_modality_loses_a_third_of_its_concepts_and_the_others_none() -> None:
    drawn = set()
    for seed in range(8):
        damaged = without_concepts(ROWS, "many", seed=seed)
        absent = set(damaged.absent["many"].tolist())
        assert len(absent) == 2
        assert set(damaged.rows["many"].concepts.tolist()) == {-1, *range(6)} - absent
        assert damaged.rows["few"] is ROWS["few"]
        drawn.add(frozenset(absent))
    assert len(drawn) > 1, "the seed draws which"


def test_features_go_with_the_rows_that_are_taken_away() -> None:
    damaged = without_concepts(ROWS, "many", seed=0).rows["many"]
    number = damaged.features.load().values.flatten().long()
    assert torch.equal(damaged.concepts, ROWS["many"].concepts[number])


def test_concepts_fall_off_by_half_in_one_order_for_all_modalities() -> None:
    damaged = with_imbalance(ROWS, seed=0).rows
    counts = torch.bincount(damaged["many"].concepts[damaged["many"].concepts >= 0], minlength=6)
    assert sorted(counts.tolist(), reverse=True) == [40, 20, 10, 5, 2, 1]
    order = counts.argsort(descending=True).tolist()
    few = torch.bincount(damaged["few"].concepts, minlength=6)
    for concept in (1, 4):
        assert int(few[concept]) == max(1, round(50 / 2 ** order.index(concept)))
    assert int((damaged["many"].concepts < 0).sum()) == 10, "rows without a concept stay"


def test_a_modality_is_left_out_only_where_a_pair_is_left() -> None:
    three = {**ROWS, "third": rows_of([0, 1, 2])}
    names = [one.name for one in damages(three, three)]
    assert [name for name in names if name.startswith("without")] == [
        "without many",
        "without few",
        "without third",
    ]
    assert not [one for one in damages(ROWS, ROWS) if one.name.startswith("without")]
    assert without_modality(three, "few", seed=0).rows.keys() == {"many", "third"}
    lacking = [one.modality for one in damages(three, three) if one.kind == "absent concepts"]
    assert lacking == ["many", "third"], "of two concepts none can go"


@pytest.fixture(scope="module")
def quick(
    small_project: Path, tmp_path_factory: pytest.TempPathFactory, configure: Configure
) -> Project:
    """The small project, trained a few steps: what is compared need not be good."""
    folder = shutil.copytree(small_project, tmp_path_factory.mktemp("quick") / "project")
    configure(folder, 5, "training", "max_steps")
    return Project(read_config(folder / "plugins.yaml"), device="cpu")


@pytest.fixture(scope="module")
def ground(quick: Project) -> Retraining:
    return prepare_retraining(quick, "test")


@pytest.fixture(scope="module")
def report(quick: Project) -> TrainingRobustness:
    return measure_training(quick, seeds=2)


def test_every_damage_is_measured_beside_clean_training(report: TrainingRobustness) -> None:
    kinds = [one.kind for one in report.damages]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "wrong labels": 2,
        "missing modality": 4,
        "absent concepts": 2,
        "imbalance": 1,
    }
    for one in report.damages:
        assert set(one.outcome.runs) == {0, 1}
        if one.kind in ("wrong labels", "imbalance"):
            gaps = [
                (one.outcome.runs[seed]["mean_map"] or 0)
                - (report.clean.runs[seed]["mean_map"] or 0)
                for seed in (0, 1)
            ]
            assert one.outcome.differences["mean_map"].mean == pytest.approx(fmean(gaps))
            assert any(gaps), f"{one.name} changed nothing"
    assert any("without 'text' no concept names" in notice for notice in report.notices)


def test_without_a_modality_the_others_are_compared_among_themselves(
    report: TrainingRobustness,
) -> None:
    (missing,) = [one for one in report.damages if one.name == "without sensor"]
    pairs = list(permutations(("text", "vision", "audio"), 2))
    gaps = []
    for seed, figures in missing.outcome.runs.items():
        assert not [name for name in figures if "sensor" in name]
        clean = [report.clean.runs[seed][f"{a}_to_{b}_map"] or 0 for a, b in pairs]
        gaps.append((figures["mean_map"] or 0) - fmean(clean))
    assert missing.outcome.differences["mean_map"].mean == pytest.approx(fmean(gaps))


def test_queries_of_absent_concepts_are_measured_apart(
    report: TrainingRobustness, ground: Retraining
) -> None:
    (lacking,) = [one for one in report.damages if one.name.startswith("audio lacks")]
    part = without_concepts(ground.rows, "audio", seed=0)
    embeddings = ground.train(part.rows, seed=0)
    (absent,) = part.absent["audio"].tolist()
    precisions = [
        precision
        for other in ("text", "vision", "sensor")
        if (precision := mean_precision(ground, embeddings, "audio", other, absent)) is not None
    ]
    assert lacking.outcome.runs[0]["absent_as_query_map"] == pytest.approx(
        fmean(precisions), abs=1e-6
    )
    assert lacking.outcome.differences["absent_as_query_map"].runs == 2


def mean_precision(
    ground: Retraining, embeddings: dict[str, Embedded], source: str, target: str, concept: int
) -> float | None:
    """Average precision over the queries of one concept, by a slow and obvious loop."""
    found = []
    relevant = (ground.measured[target].concepts == concept).tolist()
    if not any(relevant):
        return None
    for query in embeddings[source].of_kinds[ground.measured[source].concepts == concept]:
        scores = (embeddings[target].of_kinds @ query).tolist()
        order = sorted(range(len(scores)), key=lambda place: -scores[place])
        hits, precision = 0, 0.0
        for rank, place in enumerate(order, start=1):
            if relevant[place]:
                hits += 1
                precision += hits / rank
        found.append(precision / hits)
    return fmean(found)


def test_the_table_tells_what_each_damage_costs(report: TrainingRobustness) -> None:
    table = training_table(report)
    first = [row[0] for row in table.rows]
    assert first[:3] == ["clean", "10% wrong labels", "20% wrong labels"]
    assert first.count("... its queries of these") == 2
    assert table.rows[0][3:] == ("-", "-")
    assert all(row[4][0] in "+-" for row in table.rows)


def test_the_table_can_be_read_by_itself(
    report: TrainingRobustness, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = training_table(report)
    assert "(split test, seeds 0 to 1; synthetic: audio)" in table.title
    assert "95% interval; differences by seed, over the pairs that are left" in table.title
    assert any("not with the line 'clean'" in notice for notice in report.notices)
    monkeypatch.setenv("COLUMNS", "80")
    say_table(table.columns, table.rows)
    shown = capsys.readouterr().out
    for cell in (*table.columns, *(cell for row in table.rows for cell in row)):
        assert all(word in shown for word in cell.split())


def test_one_seed_has_no_interval_and_its_title_speaks_of_none(report: TrainingRobustness) -> None:
    title = training_table(replace(report, seeds=(0,), synthetic=("audio",))).title
    assert "(split test, seed 0; synthetic: audio)" in title
    assert "95%" not in title


def test_a_modality_that_embeds_names_keeps_them_and_it_is_said(report: TrainingRobustness) -> None:
    lacking = [one.name for one in report.damages if one.kind == "absent concepts"]
    assert set(lacking) == {
        "text lacks a third of its concepts, but not their names",
        "audio lacks a third of its concepts",
    }
    assert any("names of concepts that 'text' lacks" in notice for notice in report.notices)
