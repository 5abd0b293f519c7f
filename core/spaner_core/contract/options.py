"""Reads options from plugins.yaml into a plugin's own dataclass."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from spaner_core.contract.expected import expected, inner, quoting, show
from spaner_core.errors import ConfigError

OptionsT = TypeVar("OptionsT")


class OptionError(ConfigError):
    """One or more options are wrong; `problems` pairs each option's name with what is wrong.

    `known` are the names of all options that there are.
    """

    def __init__(self, problems: Iterable[tuple[str, str]], *, known: Iterable[str] = ()) -> None:
        self.problems = tuple(problems)
        self.known = frozenset(known)
        super().__init__("; ".join(message for _, message in self.problems))


def unknown_key(key: object, known: Iterable[str]) -> str:
    """Say that `key` is unknown, naming the nearest known key or else all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(str(key), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
    return f"unknown key {str(key)!r}; {hint}"


def read_options(kind: type[OptionsT], options: Mapping[str, object]) -> OptionsT:
    """Build the dataclass `kind` from `options`, reporting every problem at once.

    Raises `OptionError` on unknown names, values of a wrong type, and on a `ValueError` that the
    dataclass raises in its own `__post_init__`.
    """
    fields: Any = kind
    known = {field.name for field in dataclasses.fields(fields)}
    problems = [(str(key), unknown_key(key, known)) for key in options if key not in known]
    try:
        value = TypeAdapter(kind).validate_python(
            {key: item for key, item in options.items() if key in known}
        )
    except ValidationError as error:
        problems += _explain(error, kind, options)
    if problems:
        raise OptionError(problems, known=known)
    return value


def _explain(
    error: ValidationError, kind: type, options: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """Say what is wrong with each option, or part of one, once; the validator tries every type."""
    told: set[str] = set()
    for detail in error.errors():
        own = detail.get("ctx", {}).get("error")  # what the dataclass or a check of its own raised
        if not detail["loc"]:
            yield "", " ".join(str(own or detail["msg"]).split())
            continue
        name = str(detail["loc"][0])
        part, given, annotation = _follow(detail["loc"], options, _annotation(kind, name))
        if part in told:
            continue
        told.add(part)
        if detail["loc"][-1] == "[key]":
            yield name, _wrong_key(detail, options)
            continue
        if own is not None:
            yield name, f"{part}: {' '.join(str(own).split())}"
        elif detail["type"] == "missing" and part not in options:
            yield name, f"{part} is not given; expected {expected(annotation)}; add it"
        else:
            bound = _BOUNDS.get(detail["type"])
            takes = bound.format(**detail["ctx"]) if bound else expected(annotation)
            quoted = quoting(given) if takes in _TEXTS else None
            remedy = quoted or _remedy(kind, name)
            yield name, f"{part} is {show(given)}; expected {takes}; {remedy}"


def _wrong_key(detail: Any, options: Mapping[str, object]) -> str:
    """Say what is wrong with a key of a mapping."""
    name, _, _ = _follow(detail["loc"][:-2], options, Any)
    takes = "a text" if detail["type"] == "string_type" else "another key"
    remedy = quoting(detail["input"]) or "rename it"
    return f"{name} has the key {show(detail['input'])}; expected {takes}; {remedy}"


_TEXTS = frozenset({expected(str), expected(str | None)})
"""What is expected where a word without quotes may have been taken for something else."""

_BOUNDS = {
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "finite_number": "a finite number",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}
"""What is expected where a value has the right type, by the validator's word for what is wrong."""


def _follow(
    place: Sequence[int | str], options: Mapping[str, object], annotation: Any
) -> tuple[str, object, Any]:
    """Return the name, value and annotation of the part of an option that `place` leads to."""
    name, given = str(place[0]), options.get(str(place[0]))
    for key in place[1:]:
        if isinstance(given, Mapping) and key in given:
            name, given = f"{name}.{key}", given[key]
        elif isinstance(given, list | tuple) and isinstance(key, int) and key < len(given):
            name, given = f"{name}[{key}]", given[key]
        else:  # the name of a type that was tried
            break
        annotation = inner(annotation)
    return name, given, annotation


def _annotation(kind: type, name: str) -> Any:
    try:
        return get_type_hints(kind)[name]
    except (NameError, TypeError):  # of a class in a function, which hints are not looked up in
        fields: Any = kind
        return next(field.type for field in dataclasses.fields(fields) if field.name == name)


def _remedy(kind: Any, name: str) -> str:
    field = next(field for field in dataclasses.fields(kind) if field.name == name)
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return "correct it"
    if isinstance(field.default, bool | int | float | str):
        return f"correct it, or remove it for the default {show(field.default)}"
    return "correct it or remove it"
