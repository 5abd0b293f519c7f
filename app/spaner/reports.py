"""Shows results in short, and as data frames."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from importlib import import_module
from itertools import islice
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from spaner_core.errors import ConfigError

SHOWN = 6
"""How many parts of a field are shown one by one."""


class Audited(NamedTuple):
    """What the audit log says of a report: how much was found or done, and of which modalities.

    `rows` are the ids of those that it shows, which only the readable part of the log has.
    """

    counts: Mapping[str, int] = MappingProxyType({})
    modalities: Collection[str] = ()
    rows: Sequence[str] = ()


class Report:
    """What a call of a project found or did; a dataclass inherits it with `repr=False`.

    `rows_in` names the field whose dataclasses are the rows of the data frame, where it has any.
    """

    rows_in: ClassVar[str] = ""

    def __repr__(self) -> str:
        return "\n".join([type(self).__name__, *_lines(self)])

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited()

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the rows of the data frame. Raises `ConfigError` where there are none."""
        if not self.rows_in:
            raise ConfigError(f"a {type(self).__name__} has no rows; read its fields")
        return [asdict(row) for row in getattr(self, self.rows_in)]

    def to_pandas(self) -> Any:
        """Return a data frame; what is nested in a row has columns such as `threshold.cosine`.

        Raises `ConfigError` where pandas is not installed.
        """
        rows = self.as_dicts()
        try:
            pandas = import_module("pandas")
        except ImportError:
            raise ConfigError(
                "a data frame needs pandas, which is not installed; pip install pandas"
            ) from None
        return pandas.json_normalize(rows)


def _lines(report: Any) -> Iterator[str]:
    for field in fields(report):
        value = getattr(report, field.name)
        if isinstance(value, Sequence) and value and is_dataclass(value[0]):
            yield f"  {field.name}: {len(value):,}"
            yield from (f"    {_short(row)}" for row in value[:SHOWN])
            if len(value) > SHOWN:
                yield "    ..."
        else:
            yield f"  {field.name}: {_short(value)}"


def _short(value: Any) -> str:
    """Show a value in one line."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if is_dataclass(value):
        return _few(f"{one.name} {_short(getattr(value, one.name))}" for one in fields(value))
    if isinstance(value, Mapping):
        return _few(f"{key} {_short(one)}" for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _few(map(_short, value))
    return f"{len(value):,} bytes" if isinstance(value, bytes) else " ".join(str(value).split())


def _few(parts: Iterable[str]) -> str:
    parts = iter(parts)
    shown = list(islice(parts, SHOWN))
    more = ["..."] if next(parts, None) is not None else []
    return ", ".join([*shown, *more]) or "none"
