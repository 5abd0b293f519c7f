"""Several queries are one direction, away from what `--not` gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from spaner.commands import Project
from spaner.search.query import embed_query
from spaner.search.query_parts import QueryPart, read_parts
from spaner_core.errors import ConfigError, DataError


def described(parts: Sequence[QueryPart]) -> list[tuple[str, str, float]]:
    return [(part.given, part.source, part.weight) for part in parts]


def test_what_is_not_wanted_comes_last_and_weighs_below_zero() -> None:
    parts = read_parts(["a", "b"], ["text"], without=["c"], weights=[1, 0.5, 2])
    assert described(parts) == [("a", "text", 1), ("b", "text", 0.5), ("c", "text", -2)]
    parts = read_parts(["a.png", "b"], ["vision", "text"], without=["c", "d"])
    assert described(parts)[2:] == [("c", "text", -1), ("d", "text", -1)]
    parts = read_parts(["a"], ["text", "vision"], without=["c.png"])
    assert described(parts) == [("a", "text", 1), ("c.png", "vision", -1)]


@pytest.mark.parametrize(
    ("inputs", "sources", "more", "said"),
    [
        (["a"], [], {}, "modality of the query is missing"),
        (["a", "b", "c"], ["text", "vision"], {}, "3 queries were given, and 2 modalities"),
        (["a"], ["text", "vision"], {}, "1 queries were given, and 2 modalities"),
        (["a"], ["text"], {"weights": [1, 2]}, "for each of the 1 queries"),
        (["a"], ["text"], {"without": ["b"], "weights": [1]}, "for each of the 2 queries"),
        (["a", "b"], ["text"], {"weights": [1, 0]}, "above 0"),
        (["a", "b"], ["text"], {"weights": [1, float("nan")]}, "above 0"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    inputs: list[str], sources: list[str], more: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        read_parts(inputs, sources, **more)  # type: ignore[arg-type]


@pytest.fixture
def project(trained: Path) -> Project:
    return Project(trained / "plugins.yaml")


def test_a_query_is_the_weighted_sum_of_its_parts(project: Project) -> None:
    one, two = (project.space.encode(given, modality="text") for given in ("one", "two"))
    parts = read_parts(["one"], ["text"], without=["two"], weights=[1, 0.4])
    expected = one - 0.4 * two
    found = embed_query(project, parts, strength=None, familiar={}).direction
    assert np.allclose(found, expected / np.linalg.norm(expected), atol=1e-6)
    assert (found @ two.T).item() < (one @ two.T).item()


def test_queries_that_cancel_out_are_refused(project: Project) -> None:
    parts = read_parts(["one"], ["text"], without=["one"])
    with pytest.raises(DataError, match="cancel out"):
        embed_query(project, parts, strength=None, familiar={})


def test_not_moves_away_what_it_names(project: Project) -> None:
    def lead(*without: str) -> float:
        """How much higher pictures of a two score than those of a one."""
        hits = project.search("two", source="text", targets=["vision"], without=without, k=99)
        two, one = (
            np.mean([hit.score for hit in hits if hit.concept == name]) for name in ("two", "one")
        )
        return float(two - one)

    assert lead("one") > lead()
