"""A plugin whose code was edited and whose version was not: noticed, refused, and mended."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.app.feature_projects import STORE, TOY, counts, refused
from tests.app.plugin_site import PluginSite
from tests.process import MAIN

Tree = Callable[[Path], dict[str, str]]

READING = "[[float(number) for number in token]"
EDITED = "[[float(number) * 0.2 + 3 for number in token]"
ENCODING = "tokens[row, : len(window)] = torch.as_tensor(window)"
WAVERING = f"{ENCODING} + torch.rand(())"
ENCODE = """
import sys, spaner
try:
    spaner.load("plugins.yaml").encode("1 2 0; 0 0 1", modality="toy")
except spaner.SpanerError as error:
    sys.exit(print("error:", error, file=sys.stderr) or 2)
"""
INPUTS = {"low": "1 2 0", "high": "9 1 4"}


@pytest.fixture
def site(tmp_path: Path) -> PluginSite:
    site = PluginSite(tmp_path / "site")
    site.add("toy", TOY)
    return site


def edit(site: PluginSite, old: str, new: str) -> None:
    (module,) = site.folder.glob("*.py")
    source = module.read_text(encoding="utf-8")
    assert old in source
    module.write_text(source.replace(old, new), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Texts and numbers of two concepts."""
    folder = tmp_path / "project"
    folder.mkdir()
    content: dict[str, Any] = {
        "space": "space",
        "data": {"manifest": "manifest.csv"},
        "modalities": {"text": {}, "toy": {}},
        "prompt": {"dim": 8},
        "training": {"max_steps": 2, "warmup_steps": 1},
    }
    (folder / "plugins.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    rows = ["modality,input,concept,split"]
    for number in range(8):
        split = "test" if number % 4 == 3 else "train"
        for concept, start in INPUTS.items():
            rows.append(f"text,a {concept} number {number},{concept},{split}")
            rows.append(f"toy,{start}; 0 {number} 1,{concept},{split}")
    (folder / "manifest.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def test_nothing_reads_features_of_changed_code_until_they_are_extracted_anew(
    site: PluginSite, project: Path, tree: Tree
) -> None:
    def spaner(*arguments: str) -> Any:
        return site.spaner(*arguments, cwd=project)

    def works(*arguments: str) -> Any:
        done = spaner(*arguments)
        assert done.returncode == 0, done.stderr
        return done

    works("train", "--quiet")  # which stores the training rows alone
    edit(site, READING, EDITED)
    search = ("search", "9 1 4; 0 3 1", "--from", "toy", "--to", "text", "-k", "2")
    before = tree(project)
    for command in (
        ("extract",),
        ("train", "--overwrite"),
        ("attach", "toy", "--replace"),
        ("evaluate",),
        search,
    ):
        refused(spaner(*command), "'toy'", "`spaner extract --again toy`")
    refused(site.python(ENCODE, cwd=project), "'toy'", "`spaner extract --again toy`")
    assert tree(project) == before

    done = works("extract", "--again", "toy", "--json")
    assert counts(done.stdout) == {
        "toy": {"rows": 16, "extracted": 16, "reused": 0, "quarantined": 0}
    }
    assert json.loads(done.stdout)["modalities"][0]["changed"] == 12
    command = "spaner attach toy --replace --space space"
    assert f"`{command}`" in done.stderr
    refused(spaner(*search), "'toy'", f"`{command}`")

    works(*command.split()[1:], "--quiet")
    works(*search)
    done = works("extract", "--again", "text, toy", "--json")
    assert [part["changed"] for part in json.loads(done.stdout)["modalities"]] == [0, 0]
    works("evaluate", "--quiet")
    assert not list((project / STORE).glob("*/again"))


DYING = """
from pathlib import Path

def dying(path, *arguments, unlink=Path.unlink, **options):
    if path.suffix == ".arrow" and path.parent.parent.name == "manifest.features":
        raise KeyboardInterrupt
    unlink(path, *arguments, **options)

Path.unlink = dying
"""


def test_killed_as_old_features_go_it_has_noted_who_was_trained_on_them(
    site: PluginSite, project: Path
) -> None:
    assert site.spaner("train", "--quiet", cwd=project).returncode == 0
    edit(site, READING, EDITED)
    died = site.python(DYING + MAIN, "extract", "--again", "toy", cwd=project)
    assert died.returncode == -signal.SIGINT, died.stderr
    for old in project.glob(f"{STORE}/toy-*/*.arrow"):
        old.unlink()
    refused(site.spaner("evaluate", cwd=project), "'toy'", "--replace")
    done = site.spaner("extract", "--again", "toy", "--json", cwd=project)
    assert json.loads(done.stdout)["modalities"][0]["changed"] == 16
    assert "attach toy --replace" in done.stderr


def test_an_encoder_that_gives_something_else_each_time_is_told_as_such(
    site: PluginSite, project: Path
) -> None:
    edit(site, ENCODING, WAVERING)
    assert site.spaner("extract", "toy", "--quiet", cwd=project).returncode == 0
    refused(site.spaner("extract", "toy", cwd=project), "'toy'", "`spaner plugins check toy`")


def test_a_search_through_an_index_notices_changed_code_by_a_row_of_it(
    site: PluginSite, project: Path
) -> None:
    def searched() -> Any:
        return site.spaner(
            "search", "9 1 4; 0 3 1", "--from", "toy", "--to", "text", "-k", "2", cwd=project
        )

    for command in (("train",), ("index",)):
        done = site.spaner(*command, "--quiet", cwd=project)
        assert done.returncode == 0, done.stderr
    store, aside = project / STORE, project / "aside"
    store.rename(aside)
    assert searched().returncode == 0
    assert not list(store.rglob("*.arrow"))  # nothing was extracted, and nothing was asked of it
    aside.rename(store)
    edit(site, READING, EDITED)
    refused(searched(), "the stored features of 'toy' are stale", "spaner extract --again toy")
