"""docs/encoders.md names every family of encoders that the tests load, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.plugins import sensor_models, text_models, tiny_audio_models, vision_models

TABLE = (Path(__file__).parents[1] / "docs/encoders.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\w+) \| `([^`]+)` \| (.+?) \|", TABLE, re.M)
LOADED = {
    "text": {*text_models.FAMILIES, "minilm"},
    "vision": {*vision_models.FAMILIES, "efficientnet"},
    "audio": {*tiny_audio_models.FAMILIES, "torchaudio"},
    "sensor": {*sensor_models.FAMILIES},
}


@pytest.mark.parametrize("modality", LOADED)
def test_the_table_names_what_the_tests_load(modality: str) -> None:
    named = {family for where, family, _ in ROWS if where == modality}
    builtin = {family for where, family, what in ROWS if "builtin" in what and where == modality}
    assert len(builtin) == 1
    assert named - builtin == LOADED[modality]
