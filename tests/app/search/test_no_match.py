"""When the answer to a search is "no match", to people and to programs that read its JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from spaner.search.hits import CalibratedHit, Hits

PAGE = Path(__file__).parents[3] / "docs/metrics.md"
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


def by_recipe(hits: list[dict[str, object]]) -> bool:
    """What the page's recipe says of a search's JSON."""
    (recipe,) = re.findall(r"^no_match = (.+)$", PAGE.read_text(encoding="utf-8"), re.M)
    return bool(eval(recipe, {"hits": json.loads(json.dumps(hits))}))


@pytest.mark.parametrize(("matches", "expected"), CASES, ids=str)
def test_it_takes_hits_that_all_stay_below_their_threshold(
    matches: list[bool | None], expected: bool
) -> None:
    assert Hits(tuple(hit(match) for match in matches)).no_match is expected


@pytest.mark.parametrize(("matches", "expected"), CASES, ids=str)
def test_the_recipe_of_the_page_says_the_same(matches: list[bool | None], expected: bool) -> None:
    assert by_recipe([{"score": 0.5, "match": match} for match in matches]) is expected


def test_hits_that_nothing_calibrated_are_never_no_match() -> None:
    assert by_recipe([{"score": 0.5}]) is False
