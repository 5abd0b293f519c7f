"""Plugins' READMEs and plugins.yaml name the readers that `aligner: {reader: ...}` takes."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from spaner_core import FeatureSpec
from spaner_core.contract.options import OptionError
from spaner_core.method.readers import READERS, build_reader

from tests.core.method.every_reader import OPTIONS

ROOT = Path(__file__).parents[2]
FIXED = FeatureSpec(dim=4, tokens=9, grid=(3, 3))
VARYING = FeatureSpec(dim=4)
PAGES = FeatureSpec(dim=4, grid=(3, 3), prefix_tokens=1)

GIVEN = {
    "text": (VARYING, FeatureSpec(dim=4, prefix_tokens=1)),
    "vision": (FIXED, PAGES, VARYING),
    "audio": (FIXED, VARYING),
    "sensor": (VARYING,),
}
"""Shapes of features that a plugin's encoders give."""

OWN = {"hashed_words", "mean_window", "summary_and_stretches", "pages"}


def takes(modality: str, name: str) -> bool:
    own: Any = getattr(import_module(f"spaner_{modality}"), "spaner_build_reader", None)
    options = {"name": name, **OPTIONS.get(name, {})}

    def ask(features: FeatureSpec, options: Any) -> Any:
        if own is None:
            return None
        takes_options = "options" in own.__code__.co_varnames
        return own(features, options) if takes_options else own(features)

    for features in GIVEN[modality]:
        try:
            build_reader(features, options, own=ask)
        except OptionError:
            continue
        return True
    return False


@pytest.mark.parametrize("modality", GIVEN)
def test_the_readme_names_the_readers(modality: str) -> None:
    page = (ROOT / "plugins" / modality / "README.md").read_text(encoding="utf-8")
    table = page.partition("| `name` | options |")[2].partition("\n\n")[0]
    named = set(re.findall(r"^\| `(\w+)`", table, re.M))
    taken = {name for name in {*OWN, *READERS} if takes(modality, name)}
    assert named == taken, f"make the table in plugins/{modality}/README.md name {sorted(taken)}"


def test_the_example_configuration_names_the_readers_that_all_have() -> None:
    example = (ROOT / "plugins.yaml").read_text(encoding="utf-8")
    named = re.search(r"instead of the plugin's choice \(([^)]+)\)", example)
    assert named, "say in plugins.yaml which readers all modalities have"
    assert re.findall(r"\w+", named[1].replace(" or ", " ")) == list(READERS)
