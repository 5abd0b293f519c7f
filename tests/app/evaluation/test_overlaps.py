"""Rows that prove nothing: copies across splits, items in several, one concept alone."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from spaner.check import check_project
from spaner.evaluation.overlaps import measuring_notices, split_notices
from spaner.project import Project
from spaner_registry.config.settings import read_config

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = list[dict[str, str]]


def read(folder: Path) -> Rows:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [{**row, "item": row.get("item", "")} for row in csv.DictReader(file)]


def write(folder: Path, rows: Rows) -> None:
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def of(rows: Rows, modality: str, split: str) -> Rows:
    return [row for row in rows if (row["modality"], row["split"]) == (modality, split)]


def copied(folder: Path, row: dict[str, str], name: str, split: str) -> dict[str, str]:
    """Copy a row's file byte by byte, and name it in a row of another split."""
    target = str(Path(row["input"]).with_name(name))
    shutil.copyfile(folder / row["input"], folder / target)
    return {**row, "id": f"copy-{name}-{split}", "input": target, "split": split}


def measured(folder: Path, split: str, names: Sequence[str] = ("text", "vision")) -> list[str]:
    project = Project(read_config(folder / "plugins.yaml"))
    return list(measuring_notices(project, names, split))


def checked(folder: Path, names: Sequence[str] = ("text", "vision")) -> list[str]:
    project = Project(read_config(folder / "plugins.yaml"))
    return list(split_notices(project, {name: project.manifest.select(name) for name in names}))


def test_the_projects_own_rows_prove_something(project: Path) -> None:
    assert checked(project) == []
    assert measured(project, "test") == []


def test_copies_of_training_rows_under_other_names_are_counted_with_an_example(
    project: Path,
) -> None:
    rows = read(project)
    first, second = of(rows, "vision", "train")[:2]
    tested = len(of(rows, "vision", "test"))
    copies = [copied(project, row, f"new-{row['id']}.png", "test") for row in (first, second)]
    copies.append(copied(project, first, "another.png", "validation"))
    write(project, rows + copies)

    (told,) = measured(project, "test")
    assert f"2 of {tested + 2} rows of 'vision' in split 'test'" in told
    assert f"new-{first['id']}.png" in told
    assert first["input"] in told
    (told,) = measured(project, "validation")
    assert "another.png" in told
    notes = checked(project)
    assert [("'test'" in note, "'validation'" in note, "'train'" in note) for note in notes] == [
        (False, True, True),
        (True, False, True),
        (True, True, False),  # of the copies of one file in both
    ]


def test_one_input_on_several_rows_of_a_split_is_no_copy(project: Path) -> None:
    rows = read(project)
    again = [{**row, "concept": "two"} for row in of(rows, "vision", "test")[:2]]
    same = copied(project, of(rows, "vision", "test")[0], "twice.png", "test")
    write(project, [*rows, *again, same])
    assert checked(project) == []
    assert measured(project, "test") == []


def test_files_that_cannot_be_used_repeat_nothing(project: Path) -> None:
    rows = read(project)
    trained, tested = of(rows, "vision", "train")[0], of(rows, "vision", "test")[0]
    empty = [
        copied(project, row, f"empty-{row['split']}.png", row["split"]) for row in (trained, tested)
    ]
    write(project, [*rows, *empty])
    whole = project / trained["input"]
    for row in empty:
        (project / row["input"]).write_bytes(b"")
    opened = Project(read_config(project / "plugins.yaml"))
    assert [row.input for row in check_project(opened).unusable] == [row["input"] for row in empty]
    assert not [note for note in opened.notices if "repeat" in note]
    for row in empty:  # what makes the difference is that neither can be used
        shutil.copyfile(whole, project / row["input"])
    opened = Project(read_config(project / "plugins.yaml"))
    assert not check_project(opened).unusable
    assert len([note for note in opened.notices if "repeat" in note]) == 1


def test_items_that_lie_in_two_splits_are_counted_with_an_example(project: Path) -> None:
    rows = read(project)
    trained, tested = of(rows, "text", "train"), of(rows, "vision", "test")
    for number, row in enumerate((*trained[:3], *tested[:2])):
        row["item"] = f"thing {number % 3}"
    write(project, rows)
    (told,) = measured(project, "test")
    assert f"2 of {len(tested)} rows of 'vision' in split 'test'" in told
    assert "thing 0" in told
    (told,) = checked(project)
    assert "2 of 3 items" in told
    assert checked(project, ["vision"]) == []


@pytest.mark.parametrize("item", ["", "a thing of its own"])
def test_a_split_of_one_concept_is_told(project: Path, item: str) -> None:
    rows = read(project)
    kept = [row for row in rows if row["split"] != "test" or row["concept"] == "two"]
    for row in of(kept, "vision", "test"):
        row["item"] = item
    write(project, kept)
    notes = measured(project, "test")
    assert [("'text'" in note, "'vision'" in note) for note in notes] == [
        (True, False),
        (False, True),
    ]
    assert all("'two'" in note and "'test'" in note for note in notes)
    assert checked(project) == notes


def test_commands_tell_it_and_drop_no_row(trained: Path, spaner: Run) -> None:
    rows = read(trained)
    write(trained, [*rows, copied(trained, of(rows, "vision", "train")[0], "new.png", "test")])
    tested = len(of(rows, "vision", "test")) + 1
    for command in (
        ("evaluate", "--json"),
        ("check",),
        ("few-shot", "--seeds", "1", "--shots", "1"),
    ):
        done = spaner(*command, cwd=trained)
        assert done.returncode == 0, done.stderr
        assert f"1 of {tested} rows of 'vision' in split 'test' repeat rows" in done.stderr
        assert "new.png" in done.stderr
