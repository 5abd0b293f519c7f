"""Settings for the whole suite (no network, one thread), and what is made once for all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import process

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).parents[1]
PLUGINS = ("audio", "sensor", "text", "vision")


def pytest_sessionfinish() -> None:
    process.close()


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of SPANER and of its four plugins."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = [ROOT, *(ROOT / "plugins" / name for name in PLUGINS)]
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder)]
    subprocess.run([*pip, *map(str, sources)], check=True)
    return folder
