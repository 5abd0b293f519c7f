"""What people import and start: the names that are there, and how little they load."""

from __future__ import annotations

import os
import subprocess
import sys
from difflib import unified_diff
from importlib import import_module
from pathlib import Path

import pytest

from tests.surface import LISTS, kept

HEAVY = (
    *("torch", "torchaudio", "torchvision", "transformers", "timm", "sklearn", "scipy"),
    *("skimage", "pyarrow", "matplotlib", "soundfile"),
)
RUNNER = f"""
import atexit, sys
from spaner.__main__ import main
loaded = lambda: print("LOADED", *(m for m in {HEAVY!r} if m in sys.modules), flush=True)
atexit.register(loaded)
sys.argv[0] = "spaner"
main()
"""


def run(code: str, *arguments: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", LISTS)
def test_what_is_public_is_what_was_decided(name: str) -> None:
    found, decided = list(LISTS[name]()), kept(name)
    change = "\n".join(unified_diff(decided, found, "decided", "found", n=1, lineterm=""))
    how = "a change of what is public is a decision; `.venv/bin/python -m tests.surface` keeps it"
    assert not change, f"{how}, in tests/surface/{name}.txt:\n{change}"


def rank(name: str) -> tuple[int, str]:
    """Constants first, then classes, then functions, as the linter sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("package", ["spaner", "spaner_core"])
def test_every_public_name_is_there_sorted_and_named_once(package: str) -> None:
    module = import_module(package)
    assert module.__all__ == sorted(set(module.__all__), key=rank)
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", ["spaner", "spaner_core"])
def test_everything_public_says_where_it_comes_from(package: str) -> None:
    module = import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, type) or callable(value):
            assert value.__doc__, name


@pytest.mark.parametrize("package", ["spaner", "spaner_core"])
def test_an_unknown_name_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing_such'"):
        _ = import_module(package).nothing_such


@pytest.mark.parametrize("package", ["spaner", "spaner_core", "spaner_registry"])
def test_importing_loads_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert run(code) == "[]"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["plugins"], ["plugins", "--json"], ["train", "--help"]], ids=" ".join
)
def test_looking_around_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    said = run(RUNNER, *arguments, folder=tmp_path)
    assert said.splitlines()[-1] == "LOADED"


def test_help_names_the_commands_and_plugins_names_what_is_installed(tmp_path: Path) -> None:
    told = run(RUNNER, "--help", folder=tmp_path)
    for command in ("demo", "plugins", "check", "train", "attach", "evaluate", "search", "verify"):
        assert f" {command} " in told
    listed = run(RUNNER, "plugins", folder=tmp_path)
    for name in ("text", "vision", "audio", "sensor"):
        assert f"spaner-{name}" in listed


def test_the_module_is_the_same_program_as_the_command(tmp_path: Path) -> None:
    as_module = subprocess.run(
        [sys.executable, "-m", "spaner", "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "120"},
    )
    as_command = run(RUNNER, "--help", folder=tmp_path).removesuffix("LOADED")
    assert as_module.stdout.strip() == as_command.strip()
