"""The benchmarks of the method run, and the page shows what they print; no figure is judged."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from results import BENCHMARKS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGE = (DOCS / "results.md").read_text(encoding="utf-8")
ELSEWHERE = {
    *("compare", "items", "unlabelled_pairs", "labels", "doubts", "readers"),
    *("classifiers", "ablation"),
}
"""Whose quick runs have tests of their own."""
SCRIPTS = sorted({one.script.removesuffix(".py") for one in BENCHMARKS} - ELSEWHERE)
ALIKE = ("pairs", "extend", "space", "robustness")
"""Whose columns do not name what was run."""


@pytest.fixture(scope="module")
def quick_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a quick run writes."""
    page = tmp_path_factory.mktemp("results") / "results.md"
    command = [sys.executable, "benchmarks/results.py", "--quick", "--only", ",".join(SCRIPTS)]
    command += ["--output", str(page)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return page.read_text(encoding="utf-8")


def headings(page: str) -> dict[str, str]:
    """The sections of a page by the script that each shows first."""
    found: dict[str, str] = {}
    for part in page.split("\n## ")[1:]:
        if command := re.search(r"^    \.venv/bin/python benchmarks/(\w+)\.py", part, re.M):
            found.setdefault(command.group(1), part)
    return found


def tables(part: str) -> set[str]:
    """The first lines of a section's tables."""
    return set(re.findall(r"^(\|.*\|)\n\|[-\s|]+\|$", part, re.M))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_quick_run_writes_the_tables_that_the_page_shows(quick_page: str, script: str) -> None:
    quick, full = headings(quick_page)[script], headings(PAGE)[script]
    assert tables(quick)
    if script in ALIKE:
        assert tables(quick) <= tables(full)
    for row in re.findall(r"^\|.*\|$", quick, re.M):
        assert "nan" not in row.lower()


def test_the_page_has_every_benchmark_in_order() -> None:
    place = PAGE.index("\n## Wins and losses\n")
    for benchmark in BENCHMARKS:
        place = PAGE.index(f"\n## {benchmark.heading}\n\n{benchmark.text}\n", place)


def test_wins_and_losses_are_those_of_kinds_and_things_on_every_data_set() -> None:
    top = PAGE.partition("\n## Wins and losses\n")[2].partition("\n## ")[0]
    for what in ("kinds", "things"):
        for data in ("digits" if what == "kinds" else "words", "emoji", "factory"):
            assert re.search(rf"^\| {what}, {data}.*(wins|loses|level|open)", top, re.M)


def test_the_page_shows_its_pictures(quick_page: str) -> None:
    pictures = re.findall(r"^!\[.+\]\((.+)\)$", PAGE, re.M)
    assert len(pictures) == 6
    for picture in pictures:
        assert (DOCS / picture).read_bytes().startswith(b"\x89PNG")
    assert {DOCS / picture for picture in pictures} == set((DOCS / "results").iterdir())
    assert "![" not in quick_page


def test_the_page_says_how_and_where_it_was_made_and_what_it_cost(quick_page: str) -> None:
    for what in ("date", "processor", "memory", "versions"):
        assert re.search(rf"^\| {what} \| \S", PAGE, re.M)
        assert re.search(rf"^\| {what} \| \S", quick_page, re.M)
    measured = re.findall(r"^Measured on [\d-]+: \d+ s of processor time", PAGE, re.M)
    assert len(measured) == len(BENCHMARKS)
    assert "quick run" in quick_page
    assert "quick run" not in PAGE
