"""What README, plugins.yaml and the helps promise is there, and the example runs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from spaner_registry.config.settings import read_config

from tests.surface import COMMANDS, config_keys

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINKING = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [README, *(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_in_the_docs_and_shows_an_example(command: str) -> None:
    pages = PAGES if " " in command else [README]  # a group's own commands have a page
    assert any(f"spaner {command}" in page or f"make {command}" in page for page in pages)
    assert f"Example: spaner {command}" in str(COMMANDS[command].epilog)


def test_the_docs_name_no_command_that_does_not_exist() -> None:
    groups = {name for name, command in COMMANDS.items() if hasattr(command, "commands")}
    for page in PAGES:
        for name, more in re.findall(r"\bspaner ([a-z][a-z-]+)\b(?: ([a-z][a-z-]+)\b)?", page):
            assert name in COMMANDS
            assert name not in groups or not more or f"{name} {more}" in COMMANDS


def anchors(page: Path) -> set[str]:
    """What a link into a page may end with: its headings as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", LINKING, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_places_that_contributing_names_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:core|app|registry|plugins|tests|docs|benchmarks)/[^`<]*?)`", text)
    assert len(named) > 30
    assert [place for place in named if "NAME" not in place and not (ROOT / place).exists()] == []


def test_the_example_configuration_shows_every_key_once_with_its_default(tmp_path: Path) -> None:
    text = (ROOT / "plugins.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^  vision: .*\n", "", text, flags=re.M)  # stands in a comment, too
    path = tmp_path / "plugins.yaml"
    path.write_text(re.sub(r"^( *)# ( *\w+:( |$))", r"\1\2", text, flags=re.M), encoding="utf-8")
    config, short = read_config(path), read_config(ROOT / "plugins.yaml")  # no key stands twice
    assert set(shown(yaml.safe_load(path.read_text(encoding="utf-8")))) == {
        key for key, _ in config_keys()
    }
    assert (config.recipe, config.features.dtype) == (short.recipe, short.features.dtype)
    assert config.feature_store.relative_to(tmp_path) == short.feature_store.relative_to(ROOT)
    assert config.policy.links == {"audio": ("text",)}


def shown(content: Mapping[str, Any]) -> Iterator[str]:
    """The keys of a configuration, those of modalities under one name."""
    for name, section in content.items():
        yield name
        parts = section.values() if name == "modalities" else [section]
        for part in parts if isinstance(section, Mapping) else ():
            yield from (f"{name}.{key}" for key in part)


@pytest.mark.slow
def test_the_python_example_of_the_readme_finds_the_right_text(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    spaner = [sys.executable, "-m", "spaner"]
    subprocess.run([*spaner, "demo"], cwd=tmp_path, check=True, capture_output=True)
    shown = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert shown[0].endswith("a handwritten two")
    assert len(shown) == 3
