"""Where features are kept: beside the manifest, in the cache, or where nothing can be written."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.feature_projects import STORE, refused, rows_kept
from tests.app.training.extracting import NONE, extract, extracted
from tests.process import MAIN, python

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Refuses = Callable[..., str]
Tree = Callable[[Path], dict[str, str]]
Configure = Callable[..., None]
WITHOUT_RIGHTS = """
import ctypes
system, version = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522)
held = (ctypes.c_uint32 * 6)()
system.capget(version, held)
held[0] &= ~(1 << 1)
system.capset(version, held)
"""
"""Takes from root its power over files that it may not write; others never had it."""


def test_the_store_is_beside_the_manifest_or_in_the_cache_or_where_it_is_told(
    project: Path, spaner: Run, configure: Configure
) -> None:
    def run(**variables: str) -> str:
        done = spaner("extract", "vision", "--json", cwd=project, variables=variables)
        return str(json.loads(done.stdout)["store"])

    assert run() == STORE
    assert run(SPANER_CACHE_DIR="") == STORE
    assert run(SPANER_CACHE_DIR=str(project / "cache")) == str(project / "cache/features")
    configure(project, "deep/own", "features", "store")
    assert run(SPANER_CACHE_DIR=str(project / "cache")) == "deep/own"
    assert len({tuple(rows_kept(project / f)) for f in (STORE, "cache/features", "deep/own")}) == 1


@pytest.mark.parametrize("store", ["manifest.csv", "manifest.csv/deeper", "/proc/features"])
@pytest.mark.parametrize("command", [("extract",), ("train", "text", "vision")])
def test_a_store_that_cannot_be_written_is_one_clear_line(
    project: Path, refuses: Refuses, configure: Configure, store: str, command: tuple[str, ...]
) -> None:
    configure(project, store, "features", "store")
    said = refuses(*command, cwd=project, says=("features cannot be kept there", "features.store"))
    assert len(said.splitlines()) == 1


def test_a_whole_store_that_may_only_be_read_serves_and_a_new_row_is_refused(
    project: Path, spaner: Run, tree: Tree
) -> None:
    def run(*arguments: str) -> Result:
        return python(WITHOUT_RIGHTS + MAIN, *arguments, cwd=project)

    extract(spaner, project)
    paths = [project / STORE, *(project / STORE).rglob("*")]
    kept = tree(project / STORE)
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        for command in (("train", "text", "vision", "--quiet"), ("evaluate", "--quiet")):
            done = run(*command)
            assert done.returncode == 0, done.stderr
        with (project / "manifest.csv").open("a", encoding="utf-8") as file:
            file.write("new-1,text,something new,one,train,,,,,\n")
        refused(run("extract"), "features cannot be kept there (Permission denied)")
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert tree(project / STORE) == kept


def test_a_store_that_was_copied_elsewhere_serves(
    project: Path, spaner: Run, configure: Configure
) -> None:
    extract(spaner, project)
    shutil.copytree(project / STORE, project / "moved")
    shutil.rmtree(project / STORE)
    configure(project, "moved", "features", "store")
    assert extracted(spaner, project) == NONE
