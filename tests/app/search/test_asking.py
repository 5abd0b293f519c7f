"""What a query names comes first; rows ask; conditions hold; with an index and without one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.answers import only_json
from tests.app.projects import picture, rows_of

Run = Callable[..., subprocess.CompletedProcess[str]]
Search = Callable[..., list[dict[str, Any]]]


@pytest.fixture(params=["without an index", "with one"])
def search(request: pytest.FixtureRequest, trained: Path, spaner: Run) -> Search:
    """Search the project that `trained` is; return the hits."""
    if request.param == "with one":
        only_json(spaner("index", "--json", "--quiet", cwd=trained))

    def ask(*arguments: str) -> list[dict[str, Any]]:
        hits = only_json(spaner("search", *arguments, "--json", "--quiet", cwd=trained))
        assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
        return list(hits)

    return ask


def test_what_a_query_names_comes_first_and_is_marked(trained: Path, search: Search) -> None:
    row = next(row for row in rows_of(trained) if row["input"].endswith(picture(trained).name))
    asked = ("--from", "text", "--to", "audio,vision")
    for name in (row["id"], row["input"], picture(trained).name):
        first, *others = search(name, *asked, "-k", "4")
        assert (first["id"], first["exact"]) == (row["id"], True)
        assert len(others) == 3
        assert not any(hit["exact"] or hit["id"] == row["id"] for hit in others)
    (alone,) = search(row["id"], *asked, "-k", "1")
    assert alone["id"] == row["id"]
    hits = search(row["id"], *asked, "-k", "4", "--where", f"split != {row['split']}")
    assert not any(hit["exact"] for hit in hits)  # a condition holds for it as for all


def test_a_condition_may_leave_a_modality_without_rows(trained: Path, search: Search) -> None:
    row = next(row for row in rows_of(trained) if row["modality"] == "audio")
    asked = ("two", "--from", "text", "--where", f"id = {row['id']}")
    assert search(*asked, "--to", "vision") == []
    assert search(*asked, "--to", "audio,sensor") == search(*asked, "--to", "audio")


def test_rows_ask_and_are_not_their_own_answer(trained: Path, search: Search) -> None:
    one, other = [row["id"] for row in rows_of(trained) if row["modality"] == "vision"][:2]
    hits = search("--like", one, "--like", other, "--to", "vision,text", "-k", "500")
    found = [hit["id"] for hit in hits]
    assert not {one, other} & set(found)
    asked = [row["id"] for row in rows_of(trained) if row["modality"] in ("vision", "text")]
    assert sorted([*found, one, other]) == sorted(set(asked))
    nearest, *_ = search("--like", one, "--to", "vision", "-k", "1")
    assert nearest["id"] != one
