"""All commands run in one frame: what holds for one of their shared flags holds for all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from spaner.cli.running import invoke
from spaner_core.errors import ConfigError


def test_a_quiet_command_leaves_the_next_one_its_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    with pytest.raises(ConfigError):
        invoke(["train", "--quiet", "--config", str(tmp_path / "absent.yaml")])
    assert "TQDM_DISABLE" not in os.environ
