"""Inputs as the feature store knows them: by content, not by name."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from spaner_core.errors import UnusableInput


@dataclass(frozen=True, kw_only=True)
class KeyedInput:
    """An input with the key of its content and its size, which tells how much work it is.

    The key is a SHA-256 of what may decide how the input is read: its bytes, the suffix of its
    file, and what stands behind a `#` that names a part of it (`file.pdf#page=3`). `modified_ns`
    is the time of the file's last change, None for an input that is its own text.
    """

    source: Path | str
    key: str
    size_bytes: int
    modified_ns: int | None

    def check_unchanged(self) -> None:
        """Raise `UnusableInput` where the file was changed after its key was taken."""
        if not isinstance(self.source, Path):
            return
        try:
            stat = _file_of(self.source)[0].stat()
            unchanged = (stat.st_size, stat.st_mtime_ns) == (self.size_bytes, self.modified_ns)
        except OSError:  # it is gone
            unchanged = False
        if not unchanged:
            raise UnusableInput("the file was changed while it was read; run the command again")


def key_input(source: Path | str) -> KeyedInput:
    """Read an input's content for its key.

    Raises `UnusableInput` for a folder, a pipe or a device, and for what cannot be read.
    """
    if isinstance(source, str):
        content = source.encode("utf-8", "surrogatepass")
        key = _key("inline", "", "", hashlib.sha256(content).hexdigest())
        return KeyedInput(source=source, key=key, size_bytes=len(content), modified_ns=None)
    file, part = _file_of(source)
    check_ordinary(file)
    try:
        with file.open("rb") as opened:
            stat = os.fstat(opened.fileno())
            content_hash = hashlib.file_digest(opened, "sha256").hexdigest()
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise UnusableInput(
            f"{reason}; expected a file that can be read; check the path"
        ) from error
    return KeyedInput(
        source=source,
        key=_key("file", file.suffix.lower(), part, content_hash),
        size_bytes=stat.st_size,
        modified_ns=stat.st_mtime_ns,
    )


def check_ordinary(source: Path | str) -> None:
    """Raise `UnusableInput` for a folder, a pipe or a device: reading one may never end."""
    if not isinstance(source, Path):
        return
    try:
        ordinary = source.is_file() or not source.exists()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise UnusableInput(f"no file can have this name ({error}); correct the path") from error
    if not ordinary:
        kind = "a folder" if source.is_dir() else "a pipe or a device"
        raise UnusableInput(f"it is {kind}; expected a file; correct the path")


def describe_source(source: Path | str) -> str:
    """Name an input in a message: a path as it is, a text shortened and quoted."""
    if isinstance(source, Path):
        return str(source)
    return repr(source if len(source) <= 60 else source[:57] + "...")


def _file_of(source: Path) -> tuple[Path, str]:
    """Return the file that a path names, and the part of it that stands behind a `#`."""
    check_ordinary(source)
    if source.exists():
        return source, ""
    name, _, part = source.name.rpartition("#")
    return (source.with_name(name), part) if name else (source, "")


def _key(kind: str, suffix: str, part: str, content: str) -> str:
    return hashlib.sha256("|".join((kind, suffix, part, content)).encode()).hexdigest()
