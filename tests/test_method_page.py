"""The page on the method names what is there: code, keys of plugins.yaml and their defaults."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from spaner_core.method.aligner import AlignerOptions
from spaner_core.recipe import Recipe

PAGE = (Path(__file__).parents[1] / "docs" / "method.md").read_text(encoding="utf-8")
FORMULAS, _, SYMBOLS = PAGE.partition("## Symbols and their names in the code\n")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in re.findall(r"^\|.+\|$", SYMBOLS.partition("\n## ")[0], re.M)[2:]
]
NAMES = [name for row in ROWS for name in re.findall(r"`([\w.:]+)`", row[3])]


@pytest.mark.parametrize("name", NAMES)
def test_the_code_has_what_the_page_names(name: str) -> None:
    module, _, thing = name.partition(":")
    owner, _, attribute = thing.partition(".")
    found = getattr(import_module(f"spaner_core.{module}"), owner)
    if attribute and not hasattr(found, attribute):  # set where an instance is made
        assert re.search(rf"\bself\.{attribute}\b", inspect.getsource(found)), name


def test_keys_have_the_defaults_that_the_page_says() -> None:
    recipe = Recipe()
    sections = {"aligner": AlignerOptions(), **vars(recipe)}
    said = {row[4].strip("`"): yaml.safe_load(row[5]) for row in ROWS if row[5]}
    assert len(said) > 10
    for key, default in said.items():
        section, _, name = key.partition(".")
        assert getattr(sections[section], name) == default, key


def test_every_symbol_of_the_table_stands_in_a_formula() -> None:
    formulas = "\n".join(re.findall(r"^    .+$", FORMULAS, re.M))
    symbols = [one.strip("()") for row in ROWS for one in re.split(r", | = ", row[0])]
    missing = [one for one in symbols if not re.search(rf"(?<!\w){re.escape(one)}(?!\w)", formulas)]
    assert missing == []
