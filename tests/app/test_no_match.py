"""When the answer to a search is "no match", to people and to programs that read its JSON."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from spaner.search.exact import CalibratedHit, no_match

PAGE = Path(__file__).parents[2] / "docs/metrics.md"
CASES: list[tuple[list[bool | None], bool]] = [
    ([False, False], True),
    ([False], True),
    ([True, False], False),
    ([None, None], False),
    ([False, None], False),
    ([], False),
]


def hit(match: bool | None) -> CalibratedHit:
    return CalibratedHit(
        rank=1, score=0.5, id="x", modality="audio", input="a", concept=None,
        probability=None, match=match,
    )  # fmt: skip


def by_recipe(hits: list[dict[str, object]]) -> str:
    """What the page's recipe says of a search's JSON."""
    (recipe,) = re.findall(r"jq '([^']+)'", PAGE.read_text(encoding="utf-8"))
    done = subprocess.run(
        ["jq", recipe], input=json.dumps(hits), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(("matches", "expected"), CASES, ids=str)
def test_it_takes_hits_that_all_stay_below_their_threshold(
    matches: list[bool | None], expected: bool
) -> None:
    assert no_match([hit(match) for match in matches]) is expected


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize(("matches", "expected"), CASES, ids=str)
def test_the_recipe_of_the_page_says_the_same(matches: list[bool | None], expected: bool) -> None:
    assert by_recipe([{"score": 0.5, "match": match} for match in matches]) == json.dumps(expected)


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_hits_that_nothing_calibrated_are_never_no_match() -> None:
    assert by_recipe([{"score": 0.5}]) == "false"
