"""`--where` compares a column as numbers, dates or texts, and refuses what it cannot compare."""

from __future__ import annotations

import pyarrow as pa
import pytest
from spaner.search.conditions import choose_rows
from spaner.search.query_parts import Condition, read_condition
from spaner_core.data.manifest import Rows
from spaner_core.errors import ConfigError

CELLS = {
    "id": ["a", "b", "c", "d"],
    "year": ["1999", "2020", None, "2020.5"],
    "taken": ["2026-11-27", "2026-02-01", None, "2026-11-27T10:30:00"],
    "voice": ["m1", "f2", "m1", None],
    "mixed": ["7", "seven", "8", None],
    "full name": ["x = 1", "y", "z", "x = 1"],
    "empty": [None, None, None, None],
}


@pytest.fixture
def rows() -> Rows:
    cells = {name: pa.array(cells, pa.string()) for name, cells in CELLS.items()}
    return Rows(cells, pa.array(range(4)))


@pytest.mark.parametrize(
    ("given", "met"),
    [
        ("year = 2020", "b"),
        ("year=2020.0", "b"),
        ("year != 2020", "ad"),  # an empty cell meets nothing
        ("year < 2020", "a"),
        ("year <= 2020", "ab"),
        ("year > 2020", "d"),
        ("year >= 2.02e3", "bd"),
        ("taken = 2026-11-27", "a"),
        ("taken > 2026-11-27", "d"),
        ("taken <= 2026-11-27", "ab"),
        ("taken >= 2026-11-27T10:30:00", "d"),
        ("voice = m1", "ac"),
        ("voice != m1", "b"),
        ("mixed = 7", "a"),
        ("mixed != 7", "bc"),
        ("full name = x = 1", "ad"),
        ("id = __import__('os').getcwd()", ""),
        ("empty = 1", ""),
        ("empty > 1", ""),
    ],
)
def test_a_condition_chooses_the_rows_that_meet_it(rows: Rows, given: str, met: str) -> None:
    chosen = choose_rows(rows, [read_condition(given)])
    assert "".join(rows.cells["id"].filter(pa.array(chosen)).to_pylist()) == met


def test_all_of_several_conditions_are_met(rows: Rows) -> None:
    given = [read_condition("year >= 2000"), read_condition("taken < 2026-06-01")]
    assert choose_rows(rows, given).tolist() == [False, True, False, False]
    assert choose_rows(rows, []).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("yaer = 2020", "did you mean 'year'"),
        ("colour = red", "there are id, year"),
        ("year = soon", "holds numbers"),
        ("year > 2020-01-01", "holds numbers"),
        ("taken = tomorrow", "holds dates"),
        ("taken > 2026", "holds dates"),
        ("voice > m1", "texts, which have no order"),
        ("mixed < 8", "texts, which have no order"),
    ],
)
def test_a_column_or_a_value_that_does_not_fit_is_refused(
    rows: Rows, given: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        choose_rows(rows, [read_condition(given)])
    assert "\n" not in str(refused.value)
    assert "--where" in str(refused.value)


@pytest.mark.parametrize("given", ["", "year", "year >=", "= 3", "year ~ 3", ">"])
def test_what_is_no_condition_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="COLUMN OP VALUE"):
        read_condition(given)


def test_a_condition_keeps_what_it_was_given() -> None:
    assert read_condition("  shelf no<=-3 ") == Condition("shelf no", "<=", "-3")
