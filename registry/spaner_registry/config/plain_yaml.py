"""Reads plain YAML with the line and column of every key.

Plain is what stands for itself: reading stops at the first anchor, alias, merge key or tag, so that
few lines cannot stand for billions of values. What is wrong in plain YAML is collected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeAlias

import yaml
from spaner_core.contract.expected import show
from spaner_core.errors import ConfigError
from spaner_core.files.ordinary import open_ordinary

Keys: TypeAlias = tuple[object, ...]
"""The way to one value: keys of mappings, numbers of list items."""

LARGEST_FILE = 2**20  # bytes
MOST_VALUES = 10_000
DEEPEST = 40  # mappings and lists in one another
_LONGEST = 200  # characters of PyYAML's own complaint
_PLAIN = "plain YAML, without anchors, aliases, merge keys and tags"
_WRITTEN_OUT = f"{_PLAIN}; write values out where they are used, and quote what is a text"
_UNTAGGED = f"{_PLAIN}; remove the tag, or quote what is a text"


class Place(NamedTuple):
    """Line and column, both from 1."""

    line: int
    column: int


class Problem(NamedTuple):
    """What is wrong, and where."""

    place: Place
    message: str


@dataclass(frozen=True)
class Document:
    """A YAML file: its content, where each key stands, and what is wrong with it so far.

    `unreadable` are the values whose content is not what was written, as `problems` say.
    """

    path: Path
    content: object
    places: Mapping[Keys, Place]
    problems: tuple[Problem, ...] = ()
    unreadable: frozenset[Keys] = frozenset()

    def place(self, *keys: object) -> Place:
        """Return where the last key stands, or the nearest key above it that is in the file."""
        while keys and keys not in self.places:
            keys = keys[:-1]
        return self.places[keys]

    def locate(self, *keys: object) -> str:
        """Return `place` as people write it: plugins.yaml:12:5."""
        line, column = self.place(*keys)
        return f"{self.path}:{line}:{column}"

    def error(self, problems: Iterable[Problem]) -> ConfigError:
        """Join problems into one error, a line each, in the order of the file."""
        return ConfigError("\n".join(_line(self.path, *problem) for problem in sorted(problems)))


def read_yaml(path: Path) -> Document:
    """Read a YAML file; raises `ConfigError` when it cannot be read or parsed at all."""
    text = _read_text(path)
    try:
        return _Reader(path, yaml.parse(text, Loader=yaml.SafeLoader)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
        said = " ".join(part for part in (error.context, error.problem) if part)
        said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
        remedy = "correct this or the line above"
        remedy = "indent with spaces, not tabs" if "'\\t'" in said else remedy
        told = f"not YAML ({said}); expected valid YAML; {remedy}"
        raise ConfigError(_line(path, place, told)) from error
    except yaml.reader.ReaderError as error:
        told = f"the character {chr(error.character)!r} cannot stand in YAML"
        told += "; expected printable text; remove it"
        raise ConfigError(_line(path, _end(text[: error.position]), told)) from error


def _read_text(path: Path) -> str:
    try:
        with open_ordinary(path) as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) <= LARGEST_FILE:
            return data.decode("utf-8")
        told = (
            f"the file is larger than {LARGEST_FILE // 2**20} MiB; expected a plugins.yaml of a "
            "page or two; name another with --config"
        )
    except UnicodeDecodeError as error:
        given, place = data[error.start], _end(data[: error.start].decode("latin-1"))
        told = f"byte 0x{given:02x} is not UTF-8; expected text in UTF-8"
        told = f"{told}; save the file in that encoding"
        raise ConfigError(_line(path, place, told)) from error
    except FileNotFoundError:
        told = "this is a link, and what it leads to is not there; expected a plugins.yaml"
        told = f"{told}; mend or remove the link"
        if not path.is_symlink():
            told = "there is no such file; expected a plugins.yaml; write one, or name another "
            told = f"{told}with --config"
    except IsADirectoryError:
        told = "this is a folder; expected a YAML file; name the file in it with --config"
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        told = f"cannot be read ({getattr(error, 'strerror', error)}); expected a readable file"
        told = f"{told}; check its name and permissions"
    raise ConfigError(f"{path}: {told}")


class _Reader:
    """Builds a document from PyYAML's events."""

    def __init__(self, path: Path, events: Iterator[yaml.Event]) -> None:
        self._path, self._events = path, events
        self._words = yaml.SafeLoader("")  # knows what a word without quotes is
        self._count = 0
        self._places: dict[Keys, Place] = {}
        self._problems: list[Problem] = []
        self._unreadable: set[Keys] = set()

    def document(self) -> Document:
        """Read the only document of the file."""
        content = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent) and self._places:
                self._stop(event, "another document begins here", "one; remove one of the two")
            if isinstance(event, yaml.NodeEvent):
                self._places[()] = _place(event)
                content = self._value(event, ())
        places = self._places or {(): Place(1, 1)}
        problems, unreadable = tuple(self._problems), frozenset(self._unreadable)
        return Document(self._path, content, places, problems, unreadable)

    def _value(self, event: yaml.Event, keys: Keys) -> object:
        """Read one value with all below it, and note the place of every key and list item."""
        self._check_size(event, depth=len(keys))
        self._check_plain(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._word(event, keys)
        return (
            self._mapping(keys) if isinstance(event, yaml.MappingStartEvent) else self._list(keys)
        )

    def _list(self, keys: Keys) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.CollectionEndEvent):
            inner = (*keys, len(items))
            self._places[inner] = _place(event)
            items.append(self._value(event, inner))
        return items

    def _mapping(self, keys: Keys) -> dict[object, object]:
        """Read a mapping; of equal keys the last one stands, and what is no key is left out."""
        content: dict[object, object] = {}
        while not isinstance(event := next(self._events), yaml.CollectionEndEvent):
            place = _place(event)
            if not isinstance(event, yaml.ScalarEvent):
                self._value(event, (*keys, None))
                self._value(next(self._events), (*keys, None))
                given = "a list or mapping stands as a key"
                self._note(place, f"{given}; expected a word; write a word before the colon")
                continue
            key = self._key(event, keys)
            inner = (*keys, key)
            if key in content:
                lines = f"{self._places[inner].line} and {place.line}"
                given = f"key {show(key)} is given twice, on lines {lines}"
                self._note(place, f"{given}; expected each key once; remove one of them")
            self._places[inner] = place
            content[key] = self._value(next(self._events), inner)
        return content

    def _key(self, event: yaml.ScalarEvent, keys: Keys) -> object:
        self._check_plain(event)
        if event.value == "<<" and event.implicit[0]:  # without quotes
            self._stop(event, "'<<' is a merge key", _WRITTEN_OUT)
        return self._word(event, (*keys, event.value))

    def _word(self, event: yaml.ScalarEvent, keys: Keys) -> object:
        """Read a word as YAML 1.1 takes it: text, number, date, true, false or nothing."""
        resolve: Callable[..., str] = self._words.resolve
        node = yaml.ScalarNode(resolve(yaml.ScalarNode, event.value, event.implicit), event.value)
        try:  # as text too: Python writes no number of 5000 digits, UTF-8 no half character
            value: object = self._words.construct_object(node)
            str(value).encode()
        except Exception:  # whatever int() or date() raise: PyYAML passes it on
            kind = node.tag.rpartition(":")[2]
            kind = kind if kind in ("int", "float", "bool", "timestamp") else "text"
            given = f"{show(event.value)} cannot be read as {kind}"
            remedy = "correct it, or put it in quotes if it is a text"
            self._note(_place(event), f"{given}; expected a valid {kind}; {remedy}")
            self._unreadable.add(keys)
            return event.value.encode("ascii", "backslashreplace").decode()
        return value

    def _check_plain(self, event: yaml.Event) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            self._stop(event, f"{show(f'*{anchor}')} is an alias", _WRITTEN_OUT)
        if anchor is not None:
            self._stop(event, f"{show(f'&{anchor}')} is an anchor", _WRITTEN_OUT)
        if tag is not None:
            given = show(tag.replace("tag:yaml.org,2002:", "!!", 1))
            self._stop(event, f"{given} is a tag", _UNTAGGED)

    def _check_size(self, event: yaml.Event, *, depth: int) -> None:
        self._count += 1
        if depth >= DEEPEST:
            given = "mappings and lists stand too deep in one another"
            self._stop(event, given, f"at most {DEEPEST} levels; write them flatter")
        if self._count > MOST_VALUES:
            self._stop(event, "too many values stand here", f"at most {MOST_VALUES}; write fewer")

    def _note(self, place: Place, message: str) -> None:
        self._problems.append(Problem(place, message))

    def _stop(self, event: yaml.Event, given: str, expected: str) -> NoReturn:
        raise ConfigError(_line(self._path, _place(event), f"{given}; expected {expected}"))


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)


def _end(text: str) -> Place:
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _line(path: Path, place: Place, message: str) -> str:
    return f"{path}:{place.line}:{place.column}: {message}"
