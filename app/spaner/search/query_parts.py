"""Reads what a search asks: parts of a query, conditions on rows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spaner_core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class QueryPart:
    """An input of the modality `source`, as `encode` takes it, or with `is_row` a row's id.

    It may also be the input's features, a `FeatureRows` of one row. What is found should be like
    it, the more the larger its `weight`, or unlike it below 0. `spelt` is a text that may be the
    name of a row, where the input itself no longer says it.
    """

    given: Any
    source: str
    weight: float = 1.0
    is_row: bool = False
    spelt: str | None = None

    @property
    def name(self) -> str | None:
        """What may spell the id or the file name of a row."""
        own = self.given if isinstance(self.given, str) and not self.is_row else None
        return self.spelt if own is None else own


def read_parts(
    inputs: Sequence[Any],
    sources: Sequence[str],
    *,
    without: Sequence[Any] = (),
    weights: Sequence[float] = (),
) -> tuple[QueryPart, ...]:
    """Pair inputs, and behind them those to be unlike, with their modalities and weights.

    One source holds for all; the last of several holds for the rest of what is in `without`.
    Raises `ConfigError` where the numbers do not fit, or a weight is not above 0.
    """
    given = [*inputs, *without]
    if not given:
        return ()
    if not sources:
        raise ConfigError("the modality of the query is missing; name it: --from, in Python source")
    if len(sources) == 1:
        sources = list(sources) * len(given)
    elif len(inputs) <= len(sources) <= len(given):
        sources = [*sources, *[sources[-1]] * (len(given) - len(sources))]
    else:
        raise ConfigError(
            f"{len(inputs)} queries were given, and {len(sources)} modalities for them; name "
            "one for all, or one for each query in its order"
        )
    weights = list(weights) or [1.0] * len(given)
    if len(weights) != len(given) or not all(0 < weight < math.inf for weight in weights):
        raise ConfigError(
            f"--weight {','.join(f'{weight:g}' for weight in weights)}: expected a number above 0 "
            f"for each of the {len(given)} queries, those of --not last"
        )
    signs = [1.0] * len(inputs) + [-1.0] * len(without)
    return tuple(
        QueryPart(given=one, source=source, weight=sign * weight)
        for one, source, sign, weight in zip(given, sources, signs, weights, strict=True)
    )


def check_asked(inputs: Sequence[Any], like: Sequence[str]) -> None:
    """Raise `ConfigError` where nothing was asked for."""
    if not inputs and not like:
        raise ConfigError(
            "nothing was asked for; give a path or a text, or the id of a row with --like"
        )


def check_explained(parts: Sequence[QueryPart], like: Sequence[str] = ()) -> None:
    """Raise `ConfigError` unless one query alone is asked, whose hits can be explained."""
    if (count := len(parts) + len(like)) != 1:
        raise ConfigError(
            f"why a row was found can be said of one query alone, and {count} were given; search "
            "by one of them"
        )


OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
_GIVEN = re.compile(r"\s*(?P<column>.+?)\s*(?P<op><=|>=|!=|<|>|=)\s*(?P<value>.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """What a cell of a column must be: `value` is a number or a date where the column has these."""

    column: str
    op: str
    value: str

    def __str__(self) -> str:
        return f"{self.column} {self.op} {self.value}"


def read_condition(given: str) -> Condition:
    """Read COLUMN OP VALUE. Raises `ConfigError` where it is something else."""
    match = _GIVEN.fullmatch(given)
    if match is None or not match["value"]:
        raise ConfigError(
            f"--where {given!r}: expected COLUMN OP VALUE, OP one of {' '.join(OPERATORS)}; "
            "for example --where 'year >= 2020'"
        )
    return Condition(match["column"], match["op"], match["value"])
