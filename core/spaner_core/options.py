"""Options from plugins.yaml, checked against a plugin's own dataclass."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

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
        for detail in error.errors():
            name = str(detail["loc"][0]) if detail["loc"] else ""
            message = detail["msg"].removeprefix("Value error, ")
            problems.append((name, f"{name}: {message}" if name else message))
    if problems:
        raise OptionError(problems, known=known)
    return value
