"""YAML with the line and column of every key, and every problem of the file at once.

The values are those of `yaml.safe_load`; what it lets pass (two equal keys) or reports one at a
time, without saying where (a date that does not exist), is collected here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeAlias

import yaml
from spaner_core.errors import ConfigError
from yaml.constructor import SafeConstructor

Keys: TypeAlias = tuple[object, ...]
"""The way to one value: keys of mappings, numbers of list items."""

_MERGE = "tag:yaml.org,2002:merge"
_PLAIN: dict[type[yaml.Node], str] = {
    yaml.ScalarNode: "tag:yaml.org,2002:str",
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
    yaml.MappingNode: "tag:yaml.org,2002:map",
}


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

    `unreadable` are the values whose content is not what was written, for a reason in `problems`.
    """

    path: Path
    content: object
    places: Mapping[Keys, Place]
    problems: tuple[Problem, ...] = ()
    unreadable: frozenset[Keys] = frozenset()

    def is_unreadable(self, keys: Keys) -> bool:
        """Tell whether `keys` lead to an unreadable value or into one."""
        return any(keys[:length] in self.unreadable for length in range(1, len(keys) + 1))

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
        lines = (
            f"{self.path}:{place.line}:{place.column}: {message}"
            for place, message in sorted(set(problems))  # a set: aliases repeat their problems
        )
        return ConfigError("\n".join(lines))


def read_yaml(path: Path) -> Document:
    """Read a YAML file; raises `ConfigError` when it cannot be read or parsed at all."""
    text = _read_text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            return Document(path, None, {(): Place(1, 1)})
        survey = _Survey({(): _place(node)})
        survey.check(node)
        content = SafeConstructor().construct_document(node)
        survey.record(node)  # after construction, which resolves merges (<<)
    except yaml.MarkedYAMLError as error:
        _refuse_syntax(path, error)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, error.position - before.rfind("\n"))
        raise ConfigError(
            f"{path}:{place.line}:{place.column}: the character {chr(error.character)!r} cannot "
            "stand in YAML; expected printable text; remove it"
        ) from error
    return Document(
        path, content, survey.places, tuple(survey.problems), frozenset(survey.unreadable)
    )


@dataclass
class _Survey:
    """What one walk over the nodes of a document collects."""

    places: dict[Keys, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[Keys] = field(default_factory=set)
    spoiled: set[int] = field(default_factory=set)  # identities of unreadable nodes

    def check(self, node: yaml.Node, above: frozenset[int] = frozenset()) -> None:
        """Collect what construction would stop at or pass over, and make the node harmless."""
        if id(node) in above:
            given = "an alias repeats the mapping or list that it stands in"
            self._note(node, given, expected="plain content", remedy="write the value out")
            self.spoiled.add(id(node))
            return
        above |= {id(node)}
        self._check_tag(node)
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            for _, value in node.value:
                self.check(value, above)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self.check(item, above)

    def record(self, node: yaml.Node, keys: Keys = (), above: frozenset[int] = frozenset()) -> None:
        """Note the place of every key and list item below `node`."""
        if id(node) in self.spoiled:
            self.unreadable.add(keys)
        if id(node) in above:
            return
        above |= {id(node)}
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:  # a later key wins, as in construction
                inner = (*keys, SafeConstructor().construct_object(key))
                self.places[inner] = _place(key)
                self.record(value, inner, above)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self.places[(*keys, number)] = _place(item)
                self.record(item, (*keys, number), above)

    def _check_tag(self, node: yaml.Node) -> None:
        """Refuse tags that plain data does not have, and scalars that their tag cannot read."""
        if node.tag not in SafeConstructor.yaml_constructors:
            given = f"the tag {node.tag!r} is unknown"
            self._note(node, given, expected="plain data", remedy="remove the tag")
            node.tag = _PLAIN[type(node)]
            self.spoiled.add(id(node))
        elif isinstance(node, yaml.ScalarNode):
            try:
                SafeConstructor().construct_object(node)
            except Exception:  # whatever int() or date() raise: PyYAML passes it on
                kind = node.tag.rpartition(":")[2]
                given = f"{node.value!r} cannot be read as {kind}"
                remedy = "correct it, or put it in quotes if it is a text"
                self._note(node, given, expected=f"a valid {kind}", remedy=remedy)
                node.tag = _PLAIN[yaml.ScalarNode]
                self.spoiled.add(id(node))

    def _check_keys(self, node: yaml.MappingNode) -> None:
        """Refuse keys that are no words or numbers, and equal keys."""
        lines: dict[object, int] = {}
        kept = []
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                self._check_tag(key)
                word = SafeConstructor().construct_object(key)
                line = key.start_mark.line + 1
                if isinstance(word, Hashable) and word in lines:
                    given = f"key {word!r} is given twice, on lines {lines[word]} and {line}"
                    self._note(key, given, expected="each key once", remedy="remove one of them")
                elif isinstance(word, Hashable):
                    lines[word] = line
            if isinstance(key, yaml.ScalarNode):
                kept.append((key, value))
            else:
                given = "a list or mapping stands as a key"
                self._note(key, given, expected="a word", remedy="write a word before the colon")
        node.value = kept

    def _note(self, node: yaml.Node, given: str, *, expected: str, remedy: str) -> None:
        message = f"{given}; expected {expected}; {remedy}"
        self.problems.append(Problem(_place(node), message))


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: there is no such file; expected a plugins.yaml; "
            "write one, or name another with --config"
        ) from error
    except IsADirectoryError as error:
        raise ConfigError(
            f"{path}: this is a folder; expected a YAML file; name the file in it with --config"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); expected a readable file; "
            "check its permissions"
        ) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise ConfigError(
            f"{path}:{line}:{column}: byte 0x{data[error.start]:02x} is not UTF-8; "
            "expected text in UTF-8; save the file in that encoding"
        ) from error


def _refuse_syntax(path: Path, error: yaml.MarkedYAMLError) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else str(path)
    said = " ".join(part for part in (error.context, error.problem) if part)
    tab = "indent with spaces, not tabs" if "'\\t'" in said else "correct this or the line above"
    raise ConfigError(f"{where}: not YAML ({said}); expected valid YAML; {tab}") from error
