"""A manifest, its files or its labels are wrong: refused in a line, nothing written."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.projects import rows_of, write_rows

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]


def first_input(folder: Path, modality: str) -> str:
    return next(
        row["input"] for row in rows_of(folder)
        if (row["modality"], row["split"]) == (modality, "train")
    )  # fmt: skip


def test_a_space_of_one_modality_or_none_of_its_rows(project: Path, refuses: Refuses) -> None:
    write_rows(project, [row for row in rows_of(project) if row["modality"] != "audio"])
    refuses("train", cwd=project, says=("'audio'", "manifest.csv"))
    refuses("check", cwd=project, says=("'audio'", "manifest.csv"))


def test_no_manifest(project: Path, refuses: Refuses) -> None:
    (project / "manifest.csv").unlink()
    for command in (("check",), ("train",)):
        refuses(*command, cwd=project, says=("manifest.csv",))
    (project / "manifest.csv").mkdir()
    refuses("train", cwd=project, says=("manifest.csv", "folder"))
    refuses("train", "--manifest", "rows.xls", cwd=project, says=("rows.xls",))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", ("manifest.csv", "empty")),
        ("modality,input,concept\n", ("manifest.csv", "no rows")),
        ("modality,input\ntext,two\n", ("concept", "item")),
        ("modality,concept\ntext,two\n", ("'input'",)),
        ("modality,input,concept\n,two,two\ntext,,two\n", (":2:", "modality", ":3:", "input")),
        ('modality,input,concept\ntext,"two,two\n', ("manifest.csv:2",)),
        ("modality,input,concept\ntext,two,two,three\n", ("manifest.csv:2",)),
    ],
)
def test_a_wrong_manifest(
    content: str, says: tuple[str, ...], project: Path, refuses: Refuses
) -> None:
    (project / "manifest.csv").write_text(content, encoding="utf-8")
    refuses("check", cwd=project, says=says)
    refuses("train", "text", cwd=project, says=says)


@pytest.mark.parametrize("command", ["train", "check"])
def test_a_manifest_of_unlabelled_rows(command: str, project: Path, refuses: Refuses) -> None:
    write_rows(project, [{**row, "concept": ""} for row in rows_of(project)])
    refuses(command, cwd=project, says=("concept",))


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut off":
        path.write_bytes(content[: len(content) // 2])
    elif how == "a NaN":
        lines = content.decode().splitlines()
        lines[5] = "nan" + lines[5][lines[5].index(",") :]
        path.write_text("\n".join(lines))
    elif how == "a text":
        lines = content.decode().splitlines()
        lines[5] = "much" + lines[5][lines[5].index(",") :]
        path.write_text("\n".join(lines))
    elif how == "a channel less":
        path.write_text("\n".join(line.rpartition(",")[0] for line in content.decode().split()))
    elif how == "too short":
        path.write_text("\n".join(content.decode().splitlines()[:20]))
    else:
        raise AssertionError(how)


@pytest.mark.parametrize(
    ("modality", "how"),
    [
        *((name, how) for name in ("vision", "audio", "sensor")
          for how in ("missing", "a folder", "empty", "cut off")),
        *(("sensor", how) for how in ("a NaN", "a text", "a channel less", "too short")),
    ],
)  # fmt: skip
def test_an_unusable_input(modality: str, how: str, project: Path, refuses: Refuses) -> None:
    if (modality, how) == ("sensor", "cut off"):
        how = "too short"
    named = first_input(project, modality)
    spoil(project / named, how)
    refuses("train", "text", modality, cwd=project, says=(named,))


@pytest.mark.parametrize("how", ["missing", "cut off"])
def test_an_unusable_input_of_the_attached_modality(
    how: str, trained: Path, refuses: Refuses
) -> None:
    named = first_input(trained, "sensor")
    path = trained / named
    if how == "missing":
        path.unlink()
    else:
        path.write_text("\n".join(path.read_text().splitlines()[:20]))
    refuses("attach", "sensor", cwd=trained, says=(named,))


def test_several_unusable_inputs_are_all_named(project: Path, refuses: Refuses) -> None:
    names = [row["input"] for row in rows_of(project) if row["modality"] == "vision"][:3]
    for name in names:
        spoil(project / name, "empty")
    refuses("train", "text", "vision", cwd=project, says=tuple(names))
    table = (project / "space.quarantine.csv").read_text(encoding="utf-8")
    assert all(name in table for name in names)


def test_check_finds_missing_files(project: Path, spaner: Run) -> None:
    names = [row["input"] for row in rows_of(project) if row["modality"] == "audio"][:2]
    for name in names:
        (project / name).unlink()
    told = spaner("check", cwd=project)
    assert told.returncode == 2
    assert all(name in told.stderr for name in names)
    assert re.search(
        r"allows cannot be used: 2 of \d+ rows of 'audio' \(at most 1.00%\); mend", told.stderr
    )


def test_too_few_concepts(project: Path, refuses: Refuses) -> None:
    rows = [
        row for row in rows_of(project)
        if row["modality"] != "vision" or row["concept"] == "one"
    ]  # fmt: skip
    write_rows(project, rows)
    refuses("train", "text", "vision", cwd=project, says=("vision", "concept"))


def test_too_few_concepts_to_attach(trained: Path, refuses: Refuses) -> None:
    rows = [
        row for row in rows_of(trained)
        if row["modality"] != "sensor" or row["concept"] == "running"
    ]  # fmt: skip
    write_rows(trained, rows)
    refuses("attach", "sensor", cwd=trained, says=("sensor", "concept"))


def test_a_concept_that_the_prompt_does_not_have(trained: Path, refuses: Refuses) -> None:
    rows = rows_of(trained)
    for row in rows:
        if row["modality"] == "sensor" and row["concept"] == "walking":
            row["concept"] = "tai chi"
    write_rows(trained, rows)
    said = refuses("attach", "sensor", cwd=trained, says=("'tai chi'", "manifest.csv:"))
    assert "spaner extend 'tai chi'" in said, "the command can be pasted into a shell"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, ("labels.csv",)),
        ("", ("labels.csv", "concept", "text")),
        ("name,words\none,eins\n", ("labels.csv", "concept", "text")),
        ("concept,text\none,\n", ("labels.csv:2",)),
        ("concept,text\none\n", ("labels.csv:2",)),
        (b"concept,text\none,\xff\n", ("labels.csv", "UTF-8")),
        ("concept,text\none,...\n", ("'...'",)),
    ],
)
def test_wrong_labels(
    content: str | bytes | None, says: tuple[str, ...], project: Path, refuses: Refuses
) -> None:
    path = project / "labels.csv"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refuses("train", "text", "vision", cwd=project, says=says)
