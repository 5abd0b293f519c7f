"""Settings for the whole suite (no network, one thread), and what is made once for all of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import process

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).parents[1]
MadeOnce = Callable[[str, Callable[[Path], object]], Path]
PLUGINS = ("audio", "sensor", "text", "vision")


def pytest_sessionfinish() -> None:
    process.close()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Make a folder once a run: `made_once(name, make)` calls `make` with its path.

    Where several processes share the run, the first makes it and the others wait for that.
    """
    home = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        home = home.parent

    def once(name: str, make: Callable[[Path], object]) -> Path:
        folder, partial = home / "made-once" / name, home / "made-once" / f"{name}.partial"
        folder.parent.mkdir(exist_ok=True)
        with folder.with_name(f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                shutil.rmtree(partial, ignore_errors=True)  # of one that failed
                make(partial)
                partial.rename(folder)
        return folder

    return once


@pytest.fixture(scope="session")
def wheels(made_once: MadeOnce) -> Path:
    """A folder with the wheels of SPANER and of its four plugins."""

    def make(folder: Path) -> None:
        pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder)
        sources = [ROOT, *(ROOT / "plugins" / name for name in PLUGINS)]
        subprocess.run([*pip, *sources], check=True)

    return made_once("wheels", make)
