"""Gives inputs keys by content, as the feature store knows them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from spaner_core.contract.sources import check_ordinary, without_part
from spaner_core.errors import UnusableInput
from spaner_core.files.ordinary import open_ordinary


class Stamp(NamedTuple):
    """What changes when a file does, or when another takes its name."""

    size_bytes: int
    modified_ns: int
    changed_ns: int
    inode: int


HashFile: TypeAlias = Callable[[Path], tuple[str, Stamp]]
"""Gives the SHA-256 of a file's content, and the file's stamp."""


@dataclass(frozen=True, kw_only=True)
class KeyedInput:
    """An input with the key of its content and its size, which tells how much work it is.

    The key is a SHA-256 of what may decide how the input is read: its bytes, the suffix of its
    file, and what stands behind a `#` that names a part of it (`file.pdf#page=3`). Of a file that
    several inputs are parts of, each counts its share of the size.
    """

    source: Path | str
    key: str
    size_bytes: int
    stamp: Stamp | None

    def check_unchanged(self) -> None:
        """Raise `UnusableInput` where the file was changed after its key was taken."""
        if not isinstance(self.source, Path):
            return
        try:
            unchanged = self.stamp == stamp_of(file_of(self.source)[0].stat())
        except (OSError, UnusableInput):  # it is gone
            unchanged = False
        if not unchanged:
            raise UnusableInput("the file was changed while it was read; run the command again")


def hash_file(file: Path) -> tuple[str, Stamp]:
    """Read a file; return the SHA-256 of its content, and its stamp.

    Raises `UnusableInput` for a folder, a pipe or a device, and else `OSError`.
    """
    check_ordinary(file)  # opening a pipe alone tells whoever writes to it
    with open_ordinary(file) as opened:
        stamp = stamp_of(os.fstat(opened.fileno()))
        return hashlib.file_digest(opened, "sha256").hexdigest(), stamp


def stamp_of(stat: os.stat_result) -> Stamp:
    """Take the stamp from what the file system says of a file."""
    return Stamp(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def key_inputs(
    sources: Iterable[Path | str], hash_file: HashFile = hash_file
) -> Iterator[KeyedInput | UnusableInput]:
    """Give each input the key of its content, and the reason for what cannot be read.

    A file is hashed once. Folders, pipes and devices cannot be read, nor files that are not there,
    nor names that no file can have.
    """
    given = list(sources)
    parts = Counter(
        without_part(source) for source in given if isinstance(source, Path) and "#" in source.name
    )
    hash_once = cache(partial(_hash, hash_file))
    for source in given:
        try:
            if isinstance(source, str):
                yield _key_text(source)
            else:
                yield _key_file(source, hash_once, parts)
        except UnusableInput as error:
            yield error


def key_input(source: Path | str) -> KeyedInput:
    """Read an input's content for its key.

    Raises `UnusableInput` for a folder, a pipe or a device, and for what cannot be read.
    """
    (given,) = key_inputs([source])
    if isinstance(given, UnusableInput):
        raise given
    return given


def _key_text(text: str) -> KeyedInput:
    content = text.encode("utf-8", "surrogatepass")
    key = _key("inline", "", "", hashlib.sha256(content).hexdigest())
    return KeyedInput(source=text, key=key, size_bytes=len(content), stamp=None)


def _hash(hash_file: HashFile, file: Path) -> tuple[str, Stamp]:
    try:
        return hash_file(file)
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        check_ordinary(file)  # which often says better what is wrong
        reason = getattr(error, "strerror", None) or error
        raise UnusableInput(
            f"{reason}; expected a file that can be read; check the path"
        ) from error


def _key_file(source: Path, hash_file: HashFile, parts: Mapping[Path, int]) -> KeyedInput:
    file, part = file_of(source) if "#" in source.name else (source, "")
    content, stamp = hash_file(file)
    return KeyedInput(
        source=source,
        key=_key("file", file.suffix.lower(), part, content),
        size_bytes=stamp.size_bytes // (parts[file] if part else 1),
        stamp=stamp,
    )


def file_of(source: Path) -> tuple[Path, str]:
    """Return the file that a path names, and the part of it that stands behind a `#`."""
    check_ordinary(source)
    named = without_part(source)
    if named is source or source.exists():
        return source, ""
    return named, source.name.rpartition("#")[2]


def _key(kind: str, suffix: str, part: str, content: str) -> str:
    return hashlib.sha256("|".join((kind, suffix, part, content)).encode()).hexdigest()


def find_copies(sources: Sequence[Path | str], among: Sequence[Path | str]) -> dict[int, int]:
    """Return the places of `sources` whose content `among` has, each with its first place there.

    Of files only those are read whose size a file on the other side has; one that cannot be read
    is a copy of nothing but itself.
    """
    names: dict[Path | str, int] = {}
    for place, other in enumerate(among):
        names.setdefault(other, place)
    new = [source for source in sources if source not in names]
    keys, others = _keys_of_common_sizes(new, names)
    contents: dict[str, int] = {}
    for other, place in names.items():
        if other in others:
            contents.setdefault(others[other], place)
    places = names | {source: contents[key] for source, key in keys.items() if key in contents}
    return {place: places[source] for place, source in enumerate(sources) if source in places}


_Keys = dict[Path | str, str]


def _keys_of_common_sizes(
    first: Iterable[Path | str], second: Iterable[Path | str]
) -> tuple[_Keys, _Keys]:
    """Key those files of two sides that have the size of one on the other side."""
    sizes = [_sizes(side) for side in (first, second)]
    common = set(sizes[0].values()) & set(sizes[1].values())
    wanted = [[path for path, size in side.items() if size in common] for side in sizes]
    one, other = (
        {given.source: given.key for given in key_inputs(paths) if isinstance(given, KeyedInput)}
        for paths in wanted
    )
    return one, other


def _sizes(sources: Iterable[Path | str]) -> dict[Path, int]:
    """Look up the sizes of files in bytes; a text is no file's copy, and has no other name."""
    found = {}
    for source in sources:
        if isinstance(source, Path):
            try:
                found[source] = file_of(source)[0].stat().st_size
            except (OSError, ValueError, UnusableInput):  # not there, or no file can be
                continue
    return found
