"""What is wrong with a configuration, a manifest or a file is refused in a line, nothing written.

`refuses` checks exit code 2, an `error:` line, no traceback and an unchanged folder each time.
"""

from __future__ import annotations

import csv
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]
COMMANDS = (
    ("check",),
    ("train",),
    ("evaluate",),
    ("search", "two", "--from", "text", "--to", "text"),
)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def first_input(folder: Path, modality: str) -> str:
    return next(
        row["input"] for row in rows_of(folder)
        if (row["modality"], row["split"]) == (modality, "train")
    )  # fmt: skip


@pytest.mark.parametrize("command", [*COMMANDS, ("verify",), ("attach", "text")])
def test_no_configuration(command: tuple[str, ...], tmp_path: Path, refuses: Refuses) -> None:
    said = refuses(*command, cwd=tmp_path, says=("plugins.yaml",))
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("space: [", ("plugins.yaml:1",)),
        ("", ("plugins.yaml",)),
        ("- a\n- b\n", ("plugins.yaml",)),
        ("space: a\nspace: b\n", ("plugins.yaml:2", "space")),
        ("\x00\x01", ("plugins.yaml",)),
        ("modalities: {text: {}}\n", ("space", "data")),
    ],
)
def test_broken_yaml(content: str, says: tuple[str, ...], project: Path, refuses: Refuses) -> None:
    (project / "plugins.yaml").write_text(content, encoding="utf-8")
    for command in (("train",), ("verify",)):
        refuses(*command, cwd=project, says=says)


def test_plugins_yaml_in_another_encoding(project: Path, refuses: Refuses) -> None:
    (project / "plugins.yaml").write_bytes("space: \xe4rger\n".encode("latin-1"))
    refuses("train", cwd=project, says=("plugins.yaml", "UTF-8"))


def test_plugins_yaml_is_a_folder(project: Path, refuses: Refuses) -> None:
    refuses("train", "-c", ".", cwd=project)
    refuses("plugins", "-c", "nowhere/plugins.yaml", cwd=project, says=("nowhere/plugins.yaml",))


@pytest.mark.parametrize(
    ("value", "keys", "says"),
    [
        (5, ("trainng",), ("plugins.yaml:", "did you mean 'training'")),
        (5, ("training", "max_step"), ("did you mean 'max_steps'",)),
        (0, ("training", "max_steps"), ("max_steps", "0")),
        ("fast", ("training", "learning_rate"), ("learning_rate", "fast")),
        (2.0, ("prompt", "strength"), ("strength", "0 to 1")),
        (9, ("modalities", "vision", "encoder", "orientatons"), ("did you mean 'orientations'",)),
        (-1, ("modalities", "vision", "encoder", "orientations"), ("plugins.yaml:", "-1")),
        ("sgd", ("modalities", "vision", "encoder", "model"), ("plugins.yaml:", "sgd", "hog")),
        (3, ("modalities", "audio", "aligner", "depth"), ("plugins.yaml:", "depth")),
        ("textt", ("prompt", "labels_from"), ("did you mean 'text'",)),
        ("vision", ("prompt", "labels_from"), ("vision", "text")),
        ({}, ("modalities",), ("modalities",)),
        ("manifest.csv", ("data",), ("data",)),
    ],
)
def test_wrong_keys_and_values(
    value: object,
    keys: tuple[str, ...],
    says: tuple[str, ...],
    project: Path,
    refuses: Refuses,
    configure: Configure,
) -> None:
    configure(project, value, *keys)
    refuses("train", cwd=project, says=says)


def test_check_finds_what_train_would_refuse(
    project: Path, refuses: Refuses, configure: Configure
) -> None:
    configure(project, 3, "modalities", "audio", "aligner", "depth")
    refuses("check", cwd=project, says=("depth",))
    configure(project, {}, "modalities", "audio", "aligner")
    configure(project, "vision", "prompt", "labels_from")
    refuses("check", cwd=project, says=("labels_from",))


def test_a_modality_without_a_plugin(project: Path, refuses: Refuses, configure: Configure) -> None:
    configure(project, {}, "modalities", "smell")
    rows = rows_of(project)
    write_rows(project, [*rows, {**rows[0], "modality": "smell", "id": "smell-1"}])
    said = refuses("train", cwd=project, says=("smell",))
    assert "pip install" not in said


def test_a_modality_that_the_configuration_does_not_declare(
    project: Path, refuses: Refuses
) -> None:
    refuses("train", "text", "tetx", cwd=project, says=("'tetx'", "text, vision, audio, sensor"))


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


def test_policy_allows_only_the_named_distributions(
    project: Path, spaner: Run, refuses: Refuses, configure: Configure
) -> None:
    configure(project, ["spaner-text", "spaner-audio"], "policy", "allow")
    refuses("train", "text", "vision", cwd=project, says=("vision", "policy"))
    checked = spaner("check", cwd=project)
    assert checked.returncode == 0, checked.stderr
    assert "'vision' is left out: plugin 'vision': its distribution spaner-vision" in checked.stderr
