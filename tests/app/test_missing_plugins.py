"""A space of more modalities than the machine has plugins for."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import spaner as spaner_package

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Refuses = Callable[..., str]


@pytest.fixture
def thermal(trained: Path, configure: Callable[..., None]) -> Path:
    """A project and its space in which a plugin that is not installed here trained `thermal`."""
    part = trained / "space/aligners/thermal"
    shutil.copytree(trained / "space/aligners/vision", part)
    config = json.loads((part / "config.json").read_text(encoding="utf-8"))
    config |= {"modality": "thermal", "distribution": "acme-thermal", "version": "2.5"}
    (part / "config.json").write_text(json.dumps(config), encoding="utf-8")
    configure(trained, {}, "modalities", "thermal")
    manifest = (trained / "manifest.csv").read_text(encoding="utf-8").splitlines()
    copied = [line.replace("vision", "thermal") for line in manifest if ",vision," in line]
    assert len(copied) > 10
    (trained / "manifest.csv").write_text("\n".join([*manifest, *copied]), encoding="utf-8")
    return trained


def test_the_space_opens_and_what_is_installed_works(thermal: Path) -> None:
    space = spaner_package.load(thermal / "space")
    assert space.modalities == ("audio", "text", "thermal", "vision")
    assert space.unserved == {"thermal": "acme-thermal 2.5"}
    assert space.encode("two", modality="text").shape == (1, 128)
    space.vector_key("thermal")


def test_what_is_missing_names_the_distribution_that_the_space_recorded(thermal: Path) -> None:
    space = spaner_package.load(thermal / "space")
    with pytest.raises(spaner_package.SpanerError) as told:
        space.encode("frame.npy", modality="thermal")
    said = str(told.value)
    assert "made with the distribution acme-thermal 2.5" in said
    assert "aligners/thermal/config.json" in said
    assert "Modalities that work here: audio, text, vision" in said
    assert "pip install" not in said


def test_commands_use_what_is_there_and_name_what_is_missing(
    thermal: Path, spaner: Run, refuses: Refuses
) -> None:
    found = spaner("search", "two", "--from", "text", "--to", "vision,audio", cwd=thermal)
    assert found.returncode == 0, found.stderr
    said = refuses("search", "two", "--from", "text", "--to", "thermal", cwd=thermal)
    assert "made with the distribution acme-thermal 2.5" in said
    told = spaner("evaluate", "--json", cwd=thermal)
    assert told.returncode == 0, told.stderr
    assert "'thermal' is left out" in told.stderr
    assert "acme-thermal 2.5" in told.stderr
    assert not any("thermal" in name for name in json.loads(told.stdout))


def test_a_space_opened_for_its_text_needs_no_other_plugins_code(
    trained: Path, spaner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPANER_LOAD_PLUGINS", "text")
    space = spaner_package.load(trained / "space")
    assert space.encode(["two"], modality="text").shape == (1, 128)
    assert list(space.assembly.registry.loaded) == ["text"]


def test_what_a_stranger_wrote_into_a_space_cannot_steer_the_terminal(
    thermal: Path, cold_environment: dict[str, str]
) -> None:
    path = thermal / "space/aligners/thermal/config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "distribution": "\x1b[31mred"}), encoding="utf-8")
    ours, terminal = pty.openpty()  # a pipe would not do: there colours are dropped anyway
    command = [sys.executable, "-m", "spaner", "search", "two", "--from", "text", "--to", "thermal"]
    done = subprocess.run(
        command, cwd=thermal, env=cold_environment, stdout=terminal, stderr=terminal, check=False
    )
    said = os.read(ours, 65536)
    for end in (ours, terminal):
        os.close(end)
    assert done.returncode == 2
    assert b"[31mred 2.5" in said
    assert b"\x1b[31m" not in said
