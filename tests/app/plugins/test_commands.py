"""`spaner plugins` lists plugins, with `--strict` the broken ones too."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.plugin_site import CRASHES, PluginSite
from tests.light_plugin import SOURCE as FINE

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


@pytest.fixture
def site(tmp_path: Path) -> PluginSite:
    return PluginSite(tmp_path / "site")


def rows(result: Result) -> dict[str, Any]:
    return {row["name"]: row for row in json.loads(result.stdout)}


def test_strict_names_every_broken_plugin_and_lists_the_others_as_fine(
    site: PluginSite, tmp_path: Path
) -> None:
    site.add("fine", FINE.replace("NAME", "fine"))
    site.add("raises", "raise RuntimeError('out of order')")
    site.add("crashes", CRASHES)

    plain = site.spaner("plugins", cwd=tmp_path)
    assert (plain.returncode, plain.stderr) == (0, ""), "nothing was to be loaded"
    result = site.spaner("plugins", "--strict", "--json", cwd=tmp_path)
    assert result.returncode == 2
    loads = {name: row["loads"] for name, row in rows(result).items()}
    ours = dict.fromkeys(("audio", "sensor", "text", "vision"), True)
    assert loads == {**ours, "fine": True, "raises": False, "crashes": False}
    first, *named = result.stderr.splitlines()
    assert first.startswith("error: 2 of 7 installed plugins")
    assert [line.split(":")[0].strip() for line in named] == ["crashes", "raises"]
    assert "SIGSEGV" in named[0]
    assert "out of order" in named[1]


def test_strict_lets_the_policy_leave_plugins_out_and_does_not_load_them(
    site: PluginSite, project: Path
) -> None:
    site.add("stranger", CRASHES)
    with (project / "plugins.yaml").open("a", encoding="utf-8") as file:
        file.write("policy: {allow: [spaner-text, spaner-audio, spaner-vision, spaner-sensor]}\n")

    result = site.spaner("plugins", "--strict", "--json", cwd=project)
    assert result.returncode == 0, result.stderr
    stranger = rows(result)["stranger"]
    assert stranger["loads"] is None
    assert "policy.allow" in stranger["problem"]
    assert rows(result)["text"]["loads"] is True


def test_strict_counts_a_name_that_two_distributions_declare(
    site: PluginSite, tmp_path: Path
) -> None:
    site.add("toy", FINE.replace("NAME", "toy"))
    site.add("toy", FINE.replace("NAME", "toy"), distribution="other-toy")
    result = site.spaner("plugins", "--strict", cwd=tmp_path)
    assert result.returncode == 2
    assert "other-toy 0.1.0" in result.stderr


@pytest.mark.parametrize("command", [("--strict",), ("check", "text")], ids=" ".join)
def test_nothing_is_loaded_where_the_policy_cannot_be_read(
    command: tuple[str, ...], project: Path, refuses: Callable[..., str]
) -> None:
    (project / "plugins.yaml").write_text("policy: {alow: []}\n", encoding="utf-8")
    refuses("plugins", *command, cwd=project, says=("plugins.yaml:1", "allow"))


@pytest.mark.parametrize("command", [("--strict",), ("check", "text"), ()], ids=" ".join)
def test_a_configuration_whose_link_is_broken_is_not_taken_for_none(
    command: tuple[str, ...], tmp_path: Path, refuses: Callable[..., str]
) -> None:
    (tmp_path / "plugins.yaml").symlink_to("moved/plugins.yaml")
    refuses("plugins", *command, cwd=tmp_path, says=("plugins.yaml: this is a link",))


def test_what_a_strangers_space_says_of_a_missing_plugin_is_quoted(
    trained: Path, spaner: Run
) -> None:
    for name, content in {
        "honest": {"distribution": "spaner-honest", "version": "1.2"},
        "evil": {"distribution": "x\x1b[31m\nnote: pip install x", "version": ["1"]},
        "long": {"distribution": "d" * 5000},
    }.items():
        (trained / "space/aligners" / name).mkdir()
        (trained / "space/aligners" / name / "config.json").write_text(json.dumps(content))
    (trained / "space/aligners/broken").mkdir()
    (trained / "space/aligners/broken/config.json").write_bytes(b"[" * 100_000)
    (trained / "space/aligners/empty").mkdir()

    result = spaner("plugins", cwd=trained)
    assert result.returncode == 0, result.stderr
    notes = {line.split("'")[1]: line for line in result.stderr.splitlines()}
    assert set(notes) == {"honest", "evil", "long", "broken", "empty"}
    assert "'spaner-honest', version '1.2'" in notes["honest"]
    assert r"'x\x1b[31m\nnote: pip install x', version unknown" in notes["evil"]
    assert len(notes["long"]) < 250
    assert "cannot be read" in notes["broken"]
    assert "cannot be read" in notes["empty"]
    as_json = spaner("plugins", "--json", cwd=trained)
    assert as_json.stderr == result.stderr


def test_another_space_can_be_named_and_has_to_be_one(
    trained: Path, spaner: Run, refuses: Callable[..., str]
) -> None:
    (trained / "space").rename(trained / "elsewhere")
    assert not any(
        row["in_space"] for row in rows(spaner("plugins", "--json", cwd=trained)).values()
    )
    there = rows(spaner("plugins", "--json", "--space", "elsewhere", cwd=trained))
    assert {name for name, row in there.items() if row["in_space"]} == {"text", "vision", "audio"}
    refuses("plugins", "--space", "nowhere", cwd=trained, says=("nowhere",))


def test_flags_of_the_list_are_refused_before_another_command(
    tmp_path: Path, refuses: Callable[..., str]
) -> None:
    refuses("plugins", "--json", "check", "text", cwd=tmp_path, says=("spaner plugins check",))
    refuses("plugins", "-c", "x.yaml", "new", "thermal", cwd=tmp_path, says=("after",))
