"""Says in words what value was given, and what a type takes."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_LONGEST = 60  # characters of a value in a message

_ONE = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    bytes: "a text",
    Path: "a path",
    type(None): "no value",
}
_MANY = {int: "whole numbers", float: "numbers", str: "texts", Path: "paths"}
_LISTS = (list, tuple, set, frozenset, Sequence, Collection)


def show(value: object) -> str:
    """Write a value as one would in YAML, in short and in one line."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple | set):
        return "a list"
    return brief(str(value) if isinstance(value, date) else repr(value))


def quoting(value: object) -> str | None:
    """Say how to write what is meant for a text and YAML takes for `value`; None for the rest."""
    if isinstance(value, bool):
        return "quote it: YAML takes on, off, yes and no for true and false"
    return "quote it" if isinstance(value, int | float | date) else None


def brief(words: str) -> str:
    """Cut what would make a message too long to read."""
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."


def expected(kind: Any) -> str:
    """Say what an annotation takes: "a number", "a list of texts or no value"."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return expected(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(expected, arguments)))
    if origin is Literal:
        return " or ".join(map(show, arguments))
    if (origin or kind) in _LISTS:
        return _list_of(origin or kind, arguments)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return " or ".join(show(member.value) for member in kind)
    if _is_mapping(origin or kind):
        return "a mapping of keys and values"
    if dataclasses.is_dataclass(kind):
        return f"a mapping with the keys {', '.join(f.name for f in dataclasses.fields(kind))}"
    return _ONE.get(kind, f"a value of type {getattr(kind, '__name__', kind)}")


def inner(kind: Any) -> Any:
    """Return the annotation of what is in a list or mapping; `Any` where none is said."""
    for one in get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,):
        arguments = [part for part in get_args(one) if part is not ...]
        if arguments and ((get_origin(one) in _LISTS) or _is_mapping(get_origin(one))):
            return arguments[-1]
    return typing.Any


def _is_mapping(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Mapping)


def _list_of(origin: Any, arguments: Sequence[Any]) -> str:
    kinds = [part for part in arguments if part is not ...]
    count = f"{len(kinds)} " if origin is tuple and kinds and ... not in arguments else ""
    named = _MANY.get(kinds[0], "values") if len(set(kinds)) == 1 else "values"
    return f"a list of {count}{named}"
