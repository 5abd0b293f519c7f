"""Reading a YAML file into nodes, refusing what is no YAML or more than people write.

PyYAML alone follows aliases and nesting wherever they lead: ten short lines can stand for
billions of values, and ten thousand brackets end the interpreter's stack.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import yaml
from spaner_core.errors import ConfigError
from spaner_core.ordinary_files import open_ordinary

LARGEST_FILE = 2**20  # bytes
MOST_VALUES = 10_000  # aliases written out
DEEPEST = 40  # mappings and lists in one another
_LONGEST = 200  # letters of a complaint


def compose(path: Path) -> yaml.Node | None:
    """Return the file's root node, None for an empty file.

    Raises `ConfigError` with the place where reading stopped.
    """
    text = _read_text(path)
    try:
        return _Loader(text, path).get_single_node()
    except yaml.MarkedYAMLError as error:
        refuse_syntax(path, error)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        raise ConfigError(
            f"{path}:{line}:{column}: the character {chr(error.character)!r} cannot "
            "stand in YAML; expected printable text; remove it"
        ) from error


def refuse_syntax(path: Path, error: yaml.MarkedYAMLError) -> NoReturn:
    """Raise PyYAML's complaint as a `ConfigError` with its place."""
    mark = error.problem_mark or error.context_mark
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else str(path)
    said = " ".join(part for part in (error.context, error.problem) if part)
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
    tab = "indent with spaces, not tabs" if "'\\t'" in said else "correct this or the line above"
    raise ConfigError(f"{where}: not YAML ({said}); expected valid YAML; {tab}") from error


class _Loader(yaml.SafeLoader):
    """Composes nodes, and counts as it goes: what it refuses has not been built yet."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self._path = path
        self._depth = 0
        self._values = 0  # so far, aliases written out
        self._sizes: dict[yaml.Node | None, int] = {}  # values at and below a node

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node with all below it."""
        mark, before = self._next_mark(), self._values
        is_alias = self.check_event(yaml.AliasEvent)
        self._depth += 1
        if self._depth > DEEPEST:
            given = "mappings and lists stand too deep in one another"
            self._refuse(mark, given, f"at most {DEEPEST} levels; write them flatter")
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._values += self._sizes.get(node, 1) if is_alias else 1
        if self._values > MOST_VALUES:
            given = "too many values stand here, aliases written out"
            self._refuse(mark, given, f"at most {MOST_VALUES}; write fewer")
        if not is_alias:
            self._sizes[node] = self._values - before
        return node

    def _next_mark(self) -> yaml.Mark:
        mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return mark

    def _refuse(self, mark: yaml.Mark, given: str, expected: str) -> NoReturn:
        place = f"{self._path}:{mark.line + 1}:{mark.column + 1}"
        raise ConfigError(f"{place}: {given}; expected {expected}")


def _read_text(path: Path) -> str:
    try:
        with open_ordinary(path) as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise ConfigError(
                f"{path}: this is a link, and what it leads to is not there; expected a "
                "plugins.yaml; mend or remove the link"
            ) from error
        raise ConfigError(
            f"{path}: there is no such file; expected a plugins.yaml; "
            "write one, or name another with --config"
        ) from error
    except IsADirectoryError as error:
        raise ConfigError(
            f"{path}: this is a folder; expected a YAML file; name the file in it with --config"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise ConfigError(
            f"{path}: cannot be read ({getattr(error, 'strerror', error)}); expected a readable "
            "file; check its name and permissions"
        ) from error
    if len(data) > LARGEST_FILE:
        raise ConfigError(
            f"{path}: the file is larger than {LARGEST_FILE // 2**20} MiB; expected a "
            "plugins.yaml of a page or two; name another with --config"
        )
    return _decode(path, data)


def _decode(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise ConfigError(
            f"{path}:{line}:{column}: byte 0x{data[error.start]:02x} is not UTF-8; "
            "expected text in UTF-8; save the file in that encoding"
        ) from error
