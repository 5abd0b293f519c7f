"""How few labelled rows are enough: drawn by seed, trained as `spaner train` does, measured."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest
import torch
from spaner.cli.few_shot import read_shots
from spaner.experiments.few_shot import FewShotReport, draw_support, few_shot, few_shot_tables
from spaner.experiments.retrain import Retraining, prepare_retraining
from spaner.project import Project
from spaner.splits import check_not_test
from spaner_core.errors import ConfigError, DataError
from spaner_registry.config.settings import read_config

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Refuses = Callable[..., str]

TRAINED = ("text", "vision", "audio")


def open_small(folder: Path) -> Project:
    return Project(read_config(folder / "plugins.yaml"), device="cpu")


@pytest.fixture(scope="module")
def opened(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("few") / "project"
    return open_small(Path(shutil.copytree(small_project, folder)))


@pytest.fixture(scope="module")
def report(opened: Project) -> FewShotReport:
    return few_shot(opened, TRAINED, shots=(2, 1), seeds=2)


@pytest.fixture(scope="module")
def ground(opened: Project) -> Retraining:
    return prepare_retraining(opened, "test")


def labelled_places(ground: Retraining, shots: int, seed: int) -> dict[str, set[int]]:
    support = draw_support(ground.rows, shots, seed=seed)
    return {
        name: set(torch.nonzero(rows.concepts >= 0).flatten().tolist())
        for name, rows in support.items()
    }


def test_each_concept_keeps_as_many_labels_as_asked_in_every_modality(ground: Retraining) -> None:
    for shots in (1, 2):
        for name, rows in draw_support(ground.rows, shots, seed=0).items():
            full = ground.rows[name].concepts
            assert len(rows) == len(full), "the other rows stay"
            for concept in full.unique().tolist():
                assert int((rows.concepts == concept).sum()) == shots
            kept = rows.concepts >= 0
            assert torch.equal(rows.concepts[kept], full[kept]), "labels are those they had"


def test_support_sets_follow_the_seed_and_are_nested(ground: Retraining) -> None:
    one, two = labelled_places(ground, 1, 0), labelled_places(ground, 2, 0)
    assert all(one[name] < two[name] for name in one)
    assert one == labelled_places(ground, 1, 0)
    assert one != labelled_places(ground, 1, 1)


def test_a_modalitys_support_does_not_depend_on_the_others(ground: Retraining) -> None:
    alone = draw_support({"audio": ground.rows["audio"]}, 2, seed=3)["audio"]
    assert torch.equal(alone.concepts, draw_support(ground.rows, 2, seed=3)["audio"].concepts)


def test_rows_without_label_stay_pairs(ground: Retraining) -> None:
    rows = {
        name: dataclasses.replace(part, items=torch.arange(len(part)))
        for name, part in ground.rows.items()
    }
    for name, part in draw_support(rows, 1, seed=0).items():
        assert torch.equal(part.items, rows[name].items)
        assert len(part.labelled) == len(part) > int((part.concepts >= 0).sum())


def test_without_concepts_pairs_are_drawn(ground: Retraining) -> None:
    rows = {
        name: dataclasses.replace(
            part,
            concepts=torch.full_like(part.concepts, -1),
            items=torch.arange(len(part)) + 3 * place,  # the first three of text are in no other
        )
        for place, (name, part) in enumerate(ground.rows.items())
    }
    few, more = (draw_support(rows, shots, seed=0) for shots in (2, 5))
    items = {shots: [set(p.items.tolist()) - {-1} for p in drawn.values()]
             for shots, drawn in ((2, few), (5, more))}  # fmt: skip
    assert len(set().union(*items[2])) == 2
    assert len(set().union(*items[5])) == 5
    assert set().union(*items[2]) < set().union(*items[5])
    for item in set().union(*items[5]):
        assert sum(item in part for part in items[5]) >= 2
    other = draw_support(rows, 2, seed=1)
    assert any(not torch.equal(other[name].items, part.items) for name, part in few.items())


def test_figures_are_means_over_seeds_and_differences_are_paired(report: FewShotReport) -> None:
    assert list(report.shots) == [1, 2]
    assert report.seeds == (0, 1)
    assert report.labelled_rows[2] == {"text": 8, "vision": 4, "audio": 8}
    every = report.all_labels.runs
    for outcome in report.shots.values():
        assert set(outcome.runs) == {0, 1}
        values = [outcome.runs[seed]["mean_map"] or 0 for seed in (0, 1)]
        gaps = [value - (every[seed]["mean_map"] or 0) for seed, value in enumerate(values)]
        assert outcome.figures["mean_map"].mean == pytest.approx(fmean(values))
        assert outcome.differences["mean_map"].mean == pytest.approx(fmean(gaps))
        assert outcome.runs[0] != outcome.runs[1], "the seed draws something"
    assert report.shots[1].runs != report.shots[2].runs


def test_all_labels_reach_what_train_and_evaluate_say(
    report: FewShotReport, trained: Path, spaner: Run
) -> None:
    done = spaner("train", *TRAINED, "--seed", 1, "--overwrite", "--quiet", cwd=trained)
    assert done.returncode == 0, done.stderr
    told = json.loads(spaner("evaluate", "--json", cwd=trained).stdout)
    own = report.all_labels.runs[1]
    assert {"mean_map", "audio_to_vision_recall@1", "audio_to_text_modality_gap"} <= own.keys()
    assert own == pytest.approx({name: told[name] for name in own}, abs=1e-6)


def test_a_concept_with_too_few_rows_gives_all_it_has_and_is_named_once(opened: Project) -> None:
    found = few_shot(opened, TRAINED, shots=[4, 9], seeds=1)

    assert found.shots[9].runs == found.all_labels.runs
    assert found.shots[9].differences["mean_map"].mean == 0
    short = [notice for notice in opened.notices if "fewer than" in notice]
    assert short == [
        "'text' has fewer than 9 training rows of one (6), running (6), two (6), walking (6): "
        "these give all they have",
        "'vision' has fewer than 9 training rows of one (5), two (5): these give all they have",
        "'audio' has fewer than 9 training rows of one (3), running (3), two (3), walking (3): "
        "these give all they have",
    ]


def test_the_space_is_neither_needed_nor_touched(project: Path, trained: Path, tree: Tree) -> None:
    few_shot(open_small(project), ("text", "audio"), shots=[1], seeds=1)
    assert not (project / "space").exists()

    before = tree(trained / "space")
    few_shot(open_small(trained), ("text", "audio"), shots=[1], seeds=1)
    assert tree(trained / "space") == before


def test_the_table_has_a_line_a_number_and_one_for_all(report: FewShotReport) -> None:
    (table,) = few_shot_tables(report)
    assert table.columns[1:] == ("R@1", "mAP", "R@1 - all", "mAP - all")
    assert [row[0] for row in table.rows] == ["1", "2", "all"]
    mean = report.shots[1].differences["mean_map"].mean
    assert mean is not None
    assert table.rows[0][4].startswith(f"{mean:+.3f} ±")
    assert table.rows[2][3:] == ("-", "-")


def test_the_command_tells_json_and_a_table(trained: Path, spaner: Run) -> None:
    asked = ("few-shot", "text", "audio", "--shots", "1", "--seeds", 2, "--seed", 5)
    told = spaner(*asked, "--json", cwd=trained)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["seeds"] == [5, 6]
    assert found["modalities"] == ["text", "audio"]
    assert found["shots"]["1"]["figures"]["text_to_audio_map"]["runs"] == 2
    assert set(found["shots"]["1"]["runs"]) == {"5", "6"}

    shown = spaner(*asked, "--quiet", cwd=trained)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "split test, seeds 5 to 6" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--shots", "0"), ("0", "from 1")),
        (("--shots", "1,many"), ("'1,many'", "1,2,4")),
        (("--shots", ""), ("''",)),
        (("--seeds", "0"), ("--seeds",)),
        (("--split", "train"), ("'train'", "trained on")),
        (("--split", "tset"), ("'tset'", "train", "test")),
        (("smell",), ("'smell'", "text")),
        (("text",), ("text", "at least two")),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_wrong_request_is_refused(
    arguments: tuple[str, ...], says: tuple[str, ...], trained: Path, refuses: Refuses
) -> None:
    refuses("few-shot", *arguments, cwd=trained, says=says)


def test_without_splits_nothing_is_held_out(project: Path) -> None:
    manifest = project / "manifest.csv"
    header, rest = manifest.read_text(encoding="utf-8").split("\n", 1)
    manifest.write_text(header.replace("split", "part") + "\n" + rest, encoding="utf-8")
    with pytest.raises(DataError, match=r"no row has a split.*add a column"):
        few_shot(open_small(project), shots=[1], seeds=1)


def test_shots_are_read_with_commas() -> None:
    assert read_shots("1, 2,16") == (1, 2, 16)
    with pytest.raises(ConfigError, match="-1"):
        read_shots("-1,2")


@pytest.mark.parametrize("split", ["test", "Test", " test "])
def test_nothing_is_chosen_on_the_test_split(split: str) -> None:
    with pytest.raises(DataError, match=rf"{split!r}.*validation.*measure on this one once"):
        check_not_test(split)


def test_another_split_may_be_chosen_on() -> None:
    check_not_test("validation")
