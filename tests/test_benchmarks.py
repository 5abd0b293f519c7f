"""The benchmarks run, and their pages show what they print; no figure is judged here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
SCRIPTS = (
    *("extraction", "encode", "first_search", "index", "serve", "streaming", "finetune"),
    "train_step",
)
TABLED = SCRIPTS[:7]


@pytest.fixture(scope="module")
def quick_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a quick run of all of them writes."""
    page = tmp_path_factory.mktemp("benchmarks") / "performance.md"
    page.write_text("an earlier page", encoding="utf-8")
    command = [sys.executable, "benchmarks/performance.py", "--quick", "--output", str(page)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert [path.name for path in page.parent.iterdir()] == [page.name]
    return page.read_text(encoding="utf-8")


def section(page: str, script: str) -> str:
    """The part of a page that a script wrote."""
    command = rf"^    \.venv/bin/python benchmarks/{script}\.py\b"
    (found,) = (part for part in page.split("\n## ") if re.search(command, part, re.M))
    return found


def aims(page: str, script: str) -> list[tuple[str, str]]:
    """What each row of a script's table compares, whatever its size, and the row's aim."""
    rows = re.findall(r"^\| (.+?) \|.*\| ([^|]+?) \|$", section(page, script), re.M)
    return [(re.sub(r"[\d,]+", "n", what), aim.partition(":")[0]) for what, aim in rows]


@pytest.mark.parametrize("script", TABLED)
def test_a_quick_run_prints_the_table_that_the_page_shows(quick_page: str, script: str) -> None:
    assert aims(quick_page, script)[0] == ("what", "aim")
    assert len(aims(quick_page, script)) > 2
    assert aims(quick_page, script) == aims(PAGE, script)


@pytest.mark.parametrize("script", TABLED)
def test_every_script_has_aims_and_the_page_says_whether_they_are_met(script: str) -> None:
    verdicts = re.findall(r"[≥≤] [\d.]+: (met|\*\*missed\*\*) \|$", section(PAGE, script), re.M)
    assert len(verdicts) == len([aim for _, aim in aims(PAGE, script) if aim[0] in "≥≤"])
    assert verdicts


def test_the_ratio_of_the_training_loop_is_on_the_page(quick_page: str) -> None:
    for page in (quick_page, PAGE):
        assert re.search(r"bare loop [\d.]+ s .*ratio [\d.]+", section(page, "train_step"))


def test_the_page_says_how_and_where_it_was_made(quick_page: str) -> None:
    for what in ("date", "processor", "memory", "versions"):
        assert re.search(rf"^\| {what} \| \S", PAGE, re.M)
        assert re.search(rf"^\| {what} \| \S", quick_page, re.M)
    for script in (*SCRIPTS, "performance"):
        assert f".venv/bin/python benchmarks/{script}.py" in PAGE
    assert "quick run" in quick_page
    assert "quick run" not in PAGE


def test_readers_are_compared_on_the_kept_emoji() -> None:
    command = [sys.executable, "benchmarks/readers.py", "--quick", "--readers", "mean"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert re.findall(r"^\| (quarters|mean) \|", ended.stdout, re.M) == ["quarters", "mean", "mean"]
