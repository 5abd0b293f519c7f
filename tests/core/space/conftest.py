"""Spaces in files that a test may spoil."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.core import stored


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The files of a space of two modalities whose prompt has a later block."""
    folder = tmp_path_factory.mktemp("good")
    stored.save(folder)
    stored.extend(folder, "vier")
    return stored.contents(folder)


@pytest.fixture
def space(tmp_path: Path, good: Mapping[str, bytes]) -> Path:
    for name, content in good.items():
        path = tmp_path / "space" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "space"
