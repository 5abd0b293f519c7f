"""A space that a stranger has changed: what is whole answers, the rest is named in one line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spaner as public
import torch
from safetensors.torch import load_file, save_file
from spaner.evaluation.embedded_rows import embed_split
from spaner.evaluation.prompt import attended_prompt
from spaner.project import Project
from spaner.training.extend import extend
from spaner_core.errors import SpaceError, SpanerError
from spaner_registry.config.settings import read_config

Run = Callable[..., subprocess.CompletedProcess[str]]


def set_key(part: Path, value: object, *keys: str) -> None:
    config: Any = json.loads((part / "config.json").read_text(encoding="utf-8"))
    section = config
    for key in keys[:-1]:
        section = section[key]
    section[keys[-1]] = value
    (part / "config.json").write_text(json.dumps(config), encoding="utf-8")


def set_tensor(part: Path, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    tensors = load_file(part / "model.safetensors")
    save_file({**tensors, name: change(tensors[name])}, part / "model.safetensors")


def one_more(tensor: torch.Tensor) -> torch.Tensor:
    return torch.cat([tensor, tensor[:1]])


CHANGES: dict[str, Callable[[Path], None]] = {
    "a width of millions": lambda part: set_key(part, 4_000_000, "features", "dim"),
    "a vast option": lambda part: set_key(part, 10**12, "aligner_options", "hidden"),
    "an unknown option": lambda part: set_key(part, 1, "aligner_options", "depth"),
    "class means": lambda part: set_tensor(part, "concept_means.means", one_more),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_modality_is_left_out_of_what_looks_at_all(trained: Path, change: str) -> None:
    CHANGES[change](trained / "space/aligners/audio")
    project = Project(read_config(trained / "plugins.yaml"))
    assert set(embed_split(project, "test")) == {"text", "vision"}
    report = attended_prompt(project)
    assert set(report.modalities) == {"text", "vision"}
    assert "audio" in report.left_out
    said = project.space.damaged["audio"]
    assert "\n" not in said
    with pytest.raises(SpaceError) as caught:
        project.space.check_modality("audio")
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("modality", "option", "value"),
    [("text", "dim", 10**12), ("vision", "orientations", 10**12), ("audio", "tokens", 10**12)],
)
def test_vast_encoder_options_of_a_space_are_refused(
    trained: Path, modality: str, option: str, value: int
) -> None:
    set_key(trained / "space/aligners" / modality, value, "encoder_options", option)
    space = public.load(trained / "space")
    with pytest.raises(SpanerError, match=f"aligners/{modality}/config.json.*{option}") as caught:
        space.encode("one", modality=modality)
    assert "\n" not in str(caught.value)
    other = "vision" if modality == "text" else "text"
    row = next((trained / "vision").rglob("*.png")) if other == "vision" else "one"
    assert space.encode(row, modality=other).shape == (1, 128)


def test_a_changed_reader_of_names_stops_what_needs_it(trained: Path) -> None:
    space = trained / "space"
    set_tensor(space / "prompt", "label_reader.idf", one_more)
    (space / "aligners/audio").rename(trained / "aside")
    project = Project(read_config(trained / "plugins.yaml"))
    with pytest.raises(SpaceError) as caught:
        extend(project, ["three"])
    assert "\n" not in str(caught.value)


def test_an_aligner_that_is_damaged_is_trained_anew_in_its_place(
    trained: Path, spaner: Run, refuses: Callable[..., str]
) -> None:
    set_tensor(trained / "space/aligners/audio", "centre", one_more)
    refuses("search", "one", "--from", "text", "--to", "audio", cwd=trained, says=("centre",))
    refuses("attach", "audio", cwd=trained, says=("--replace",))
    done = spaner("attach", "audio", "--replace", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert spaner("verify", cwd=trained).returncode == 0
