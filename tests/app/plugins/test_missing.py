"""A space of modalities whose plugins are absent or broken here: the others work all the same."""

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
from spaner.check import check_project
from spaner.evaluation.evaluate import evaluate
from spaner.evaluation.prompt import attended_prompt
from spaner.experiments.retrain import prepare_retraining
from spaner.project import Project
from spaner.search.calibrate import calibrate
from spaner.training.extract import extract
from spaner_core.errors import ConfigError, PluginError, SpaceError
from spaner_registry.config.settings import read_config

from tests.app.plugin_site import PluginSite

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


BROKEN = {
    "cannot be imported": "import nothing_of_the_kind",
    "cannot be built": """
import spaner_vision
from spaner_core import Modality, hookimpl
from spaner_vision import spaner_build_reader, spaner_build_transform

@hookimpl
def spaner_modality():
    return Modality(name="thermal", api_version=2, summary="a toy", suffixes=(".png",))

@hookimpl
def spaner_build_encoder(options):
    import nothing_of_the_kind
""",
}


@pytest.fixture(params=BROKEN)
def broken(
    request: pytest.FixtureRequest, thermal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """The project in a process that has a plugin for thermal, which fails."""
    site = PluginSite(tmp_path / "site")
    distribution = f"toy-{request.param.replace(' ', '-')}"
    site.add("thermal", BROKEN[request.param], distribution=distribution)
    monkeypatch.syspath_prepend(str(site.folder))
    return Project(read_config(thermal / "plugins.yaml"))


def test_a_broken_plugin_harms_no_command_that_was_not_asked_for_it(broken: Project) -> None:
    def said_once() -> bool:
        told = [notice for notice in broken.notices if "'thermal' is left out" in notice]
        return len(told) == 1 and "nothing_of_the_kind" in told[0]

    assert not any("thermal" in name for name in evaluate(broken))
    assert said_once()
    assert [part.name for part in check_project(broken).modalities] == ["text", "vision", "audio",
                                                                        "sensor"]  # fmt: skip
    extract(broken)
    calibrate(broken, false_accept_rate=0.2)
    prepare_retraining(broken, "test")
    assert "thermal" in attended_prompt(broken).left_out
    assert said_once(), "however many works find it"


def test_a_broken_plugin_is_named_where_it_was_asked_for(broken: Project) -> None:
    for ask in (
        lambda: evaluate(broken, names=["text", "thermal"]),
        lambda: extract(broken, ["thermal"]),
        lambda: check_project(broken, ["thermal"]),
        lambda: prepare_retraining(broken, "test", names=["text", "thermal"]),
    ):
        with pytest.raises(PluginError, match="nothing_of_the_kind"):
            ask()


def test_evaluate_takes_names(thermal: Path, refuses: Refuses) -> None:
    project = Project(read_config(thermal / "plugins.yaml"))
    figures, every = evaluate(project, names=["vision", "text"]), evaluate(project)
    pairs = {name.split("_recall@1")[0] for name in figures if name.endswith("_recall@1")}
    assert {"vision_to_text", "text_to_vision"} <= pairs
    assert not any("audio" in name for name in figures)
    assert figures["vision_to_text_map"] == every["vision_to_text_map"]
    for names, error in (
        (["text", "sensor"], SpaceError),  # declared, and not in the space
        (["text", "thermal"], SpaceError),  # in the space, and no plugin is here
        (["text", "visoin"], ConfigError),
        (["text", "text"], ConfigError),
    ):
        with pytest.raises(error, match=names[1]):
            evaluate(project, names=names)
    refuses("evaluate", "text", "visoin", cwd=thermal, says=("did you mean 'vision'?",))


def test_rows_of_an_undeclared_modality_are_told_of_and_left_out(
    trained: Path, spaner: Run, refuses: Refuses
) -> None:
    path = trained / "manifest.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    strange = [line.replace("vision", "visoin") for line in lines if ",vision," in line]
    path.write_text("\n".join([*lines, *strange]) + "\n", encoding="utf-8")
    for command in (("evaluate", "--json"),
                    ("search", "two", "--from", "text", "--to", "vision", "--json")):  # fmt: skip
        done = spaner(*command, cwd=trained)
        assert done.returncode == 0, done.stderr
        assert "visoin" not in done.stdout
        (note,) = [line for line in done.stderr.splitlines() if "'visoin'" in line]
        assert f"manifest.csv:{len(lines) + 1}:" in note
        assert f"({len(strange)})" in note
        assert "'vision'?" in note
    refuses("search", "two", "--from", "text", "--to", "visoin", cwd=trained, says=("'vision'?",))
    path.write_text("\n".join([lines[0], *strange]) + "\n", encoding="utf-8")
    refuses("evaluate", cwd=trained, says=("manifest.csv:2:", "'visoin'"))


def test_a_space_opened_for_its_text_needs_no_other_plugins_code(
    trained: Path, spaner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPANER_LOAD_PLUGINS", "text")
    space = spaner_package.load(trained / "space")
    assert space.encode(["two"], modality="text").shape == (1, 128)
    with pytest.raises(PluginError, match="SPANER_LOAD_PLUGINS"):
        space.encode(next(trained.glob("vision/test/*.png")), modality="vision")


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
