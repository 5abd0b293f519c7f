"""YAML with the line and column of every key, and every problem of the file at once.

The values are those of `yaml.safe_load`; what it lets pass (two equal keys) or reports one at a
time, without saying where (a date that does not exist), is collected here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

import yaml
from spaner_core.errors import ConfigError
from spaner_core.expected import show
from yaml.constructor import SafeConstructor

from spaner_registry.composing import compose, refuse_syntax

Keys: TypeAlias = tuple[object, ...]
"""The way to one value: keys of mappings, numbers of list items."""

_YAML = "tag:yaml.org,2002:"
_MERGE = f"{_YAML}merge"
_KINDS: dict[type[yaml.Node], tuple[str, tuple[str, ...]]] = {
    yaml.ScalarNode: ("a word", ("str", "int", "float", "bool", "null", "timestamp", "binary")),
    yaml.SequenceNode: ("a list", ("seq", "omap", "pairs")),
    yaml.MappingNode: ("a mapping", ("map", "set")),
}
"""What each kind of node is called, and its tags; the first says no more than the kind."""


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
    node = compose(path)
    if node is None:
        return Document(path, None, {(): Place(1, 1)})
    survey = _Survey({(): _place(node)})
    survey.check(node)
    try:
        content = SafeConstructor().construct_document(node)
    except yaml.MarkedYAMLError as error:
        refuse_syntax(path, error)
    survey.record(node)  # after construction, which resolves merges (<<)
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
                inner = (*keys, _word(key))
                self.places[inner] = _place(key)
                self.record(value, inner, above)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self.places[(*keys, number)] = _place(item)
                self.record(item, (*keys, number), above)

    def _check_tag(self, node: yaml.Node) -> None:
        """Refuse tags that plain data does not have, and scalars that their tag cannot read."""
        kind, tags = _KINDS[type(node)]
        tag = node.tag.removeprefix(_YAML)
        if tag in ("value", "merge"):
            given = f"{show(node.value)} has a meaning of its own in YAML"
            self._spoil(node, given, expected="plain data", remedy="put it in quotes")
        elif tag not in tags:
            given = f"the tag {show(node.tag)} is unknown for {kind}"
            self._spoil(node, given, expected="plain data", remedy="remove the tag")
        elif isinstance(node, yaml.ScalarNode):
            try:  # as text too: Python writes no number of 5000 digits, UTF-8 no half character
                str(SafeConstructor().construct_object(node)).encode()
            except Exception:  # whatever int() or date() raise: PyYAML passes it on
                named = "text" if tag == "str" else tag
                given = f"{show(node.value)} cannot be read as {named}"
                remedy = "correct it, or put it in quotes if it is a text"
                self._spoil(node, given, expected=f"a valid {named}", remedy=remedy)
                node.value = node.value.encode("ascii", "backslashreplace").decode()

    def _check_keys(self, node: yaml.MappingNode) -> None:
        """Refuse keys that are no words or numbers, equal keys, and merges of what is no mapping.

        What is refused is left out, except an equal key, which wins as in construction.
        """
        lines: dict[object, int] = {}
        kept = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                given = "a list or mapping stands as a key"
                self._note(key, given, expected="a word", remedy="write a word before the colon")
                continue
            if key.tag != _MERGE:
                self._check_tag(key)
            elif not _is_mergeable(value):
                given, remedy = "<< merges what is no mapping", "write * and a mapping's anchor"
                self._note(value, given, expected="a mapping, or a list of them", remedy=remedy)
                continue
            word, line = _word(key), key.start_mark.line + 1
            if word in lines:
                given = f"key {show(word)} is given twice, on lines {lines[word]} and {line}"
                self._note(key, given, expected="each key once", remedy="remove one of them")
            lines.setdefault(word, line)
            kept.append((key, value))
        node.value = kept

    def _spoil(self, node: yaml.Node, given: str, *, expected: str, remedy: str) -> None:
        """Note that a node cannot be read, and let it pass as what it looks like."""
        self._note(node, given, expected=expected, remedy=remedy)
        node.tag = _YAML + _KINDS[type(node)][1][0]
        self.spoiled.add(id(node))

    def _note(self, node: yaml.Node, given: str, *, expected: str, remedy: str) -> None:
        message = f"{given}; expected {expected}; {remedy}"
        self.problems.append(Problem(_place(node), message))


def _word(key: yaml.ScalarNode) -> object:
    return key.value if key.tag == _MERGE else SafeConstructor().construct_object(key)


def _is_mergeable(node: yaml.Node) -> bool:
    parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return all(isinstance(part, yaml.MappingNode) for part in parts)


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
