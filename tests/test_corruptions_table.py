"""docs/results.md measures every corruption that plugins offer in the demonstration, no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from spaner.project import Project
from spaner_registry.config.settings import read_config

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/results.md").read_text(encoding="utf-8")
DEMONSTRATION = ROOT / "app/spaner/demo/plugins.yaml"
MODALITIES = read_config(DEMONSTRATION).modalities


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_page_measures_what_the_plugin_offers(modality: str) -> None:
    section = PAGE.partition(f"\n### Corrupted inputs of {modality} ")[2].partition("\n#")[0]
    measured = re.findall(r"^\| ([a-z-]+) \| query \|", section, re.M)
    project = Project(read_config(DEMONSTRATION), device="cpu")
    offered = [corruption.name for corruption in project.assembly.corruptions(modality)]
    assert measured == offered, (
        "docs/results.md measures other corruptions than the plugin offers; `make results` writes "
        "the page anew, benchmarks/robustness.py prints this part of it alone"
    )
