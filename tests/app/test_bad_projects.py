"""What is wrong with a configuration, a manifest or a file is refused in a line, nothing written.

`refuses` checks exit code 2, an `error:` line, no traceback and an unchanged folder each time.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.projects import rows_of, write_rows

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]
COMMANDS = (
    ("check",),
    ("train",),
    ("evaluate",),
    ("search", "two", "--from", "text", "--to", "text"),
)


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


def test_policy_allows_only_the_named_distributions(
    project: Path, spaner: Run, refuses: Refuses, configure: Configure
) -> None:
    configure(project, ["spaner-text", "spaner-audio"], "policy", "allow")
    refuses("train", "text", "vision", cwd=project, says=("vision", "policy"))
    checked = spaner("check", cwd=project)
    assert checked.returncode == 0, checked.stderr
    assert "'vision' is left out: plugin 'vision': its distribution spaner-vision" in checked.stderr
