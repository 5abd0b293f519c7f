"""docs/governance.md followed word for word, in a project with a trained space."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from spaner_core import ConfigError

from tests.app import conftest
from tests.doc_blocks import blocks_of

Run = Callable[..., subprocess.CompletedProcess[str]]

PAGE = (Path(__file__).parents[1] / "docs/governance.md").read_text(encoding="utf-8")

spaner = conftest.spaner
demo_data = conftest.demo_data
small_project = conftest.small_project
trained_project = conftest.trained_project


@pytest.fixture
def folder(tmp_path: Path, trained_project: Path) -> Path:
    """A project whose policy is all of the page's, with the sound that the page names."""
    folder = Path(shutil.copytree(trained_project, tmp_path / "project"))
    policies = [yaml.safe_load(block.content) for block in blocks_of(PAGE) if block.kind == "yaml"]
    config = folder / "plugins.yaml"
    content = yaml.safe_load(config.read_text("utf-8"))
    content["policy"] = {key: value for part in policies for key, value in part["policy"].items()}
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    shutil.copy(next((folder / "audio/test").rglob("*.flac")), folder / "audio/test/one.flac")
    return folder


def test_what_the_page_permits_is_done_and_what_it_refuses_is_refused(
    folder: Path, spaner: Run
) -> None:
    tried = {0: 0, 2: 0}
    for block in blocks_of(PAGE):
        expected = 2 if "refused" in block.words else 0
        for line in block.content.splitlines() if block.kind == "sh" else ():
            done = spaner(*shlex.split(line)[1:], cwd=folder)
            assert done.returncode == expected, done.stderr
            tried[expected] += 1
            if expected:
                assert "plugins.yaml:" in done.stderr
                assert "Ask whoever keeps the policy" in done.stderr
    assert min(tried.values()) >= 2


def test_the_page_compares_what_may_not_be_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (code,) = [block.content for block in blocks_of(PAGE) if block.kind == "python"]
    *permitted, refused = code.strip().splitlines()
    names: dict[str, object] = {}
    exec("\n".join(permitted), names)
    with pytest.raises(ConfigError, match="'text' may not find 'text'"):
        exec(refused, names)
