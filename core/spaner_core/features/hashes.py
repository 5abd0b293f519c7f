"""Remembers what files hold, so that unchanged ones are not read again.

A file counts as unchanged while its size, both its times and its inode are the same. What changed
shortly before it was read may change again within one step of a file system's clock, and is not
remembered. Nothing depends on what is kept: without it, files are read.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import ipc

from spaner_core.features.inputs import Stamp, hash_file, stamp_of
from spaner_core.files.atomic import remove_left_files, written_at_end
from spaner_core.files.ordinary import open_ordinary
from spaner_core.files.replacing import writing_alone

NAME = "file-hashes.arrow"
YOUNG_NS = 3 * 10**9
"""Longer than one step of any file system's clock: FAT counts two seconds at a time."""

_SCHEMA = pa.schema(
    {"path": pa.large_binary(), "stamp": pa.large_string(), "content": pa.large_string()}
)
_DIGEST_BYTES = hashlib.sha256().digest_size


class FileHashes:
    """SHA-256 of files' contents by path and stamp, kept in a small file in `folder`, if any.

    That file is a SHA-256 of its rest, which is a table of paths, stamps and hashes as an Arrow
    stream. A damaged one counts as empty, and is written anew.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._new: dict[bytes, tuple[str, str]] = {}

    def hash_file(self, file: Path) -> tuple[str, Stamp]:
        """Return the SHA-256 of a file's content and its stamp; read it unless both are known.

        Raises `OSError`, `ValueError` for a name that no file can have, and `UnusableInput` for
        what is no ordinary file.
        """
        # not file.absolute(), which took half the time of all
        name = os.path.join(os.getcwdb(), os.fsencode(file))  # noqa: PTH109, PTH118
        stamp = stamp_of(file.stat())
        known = self._new.get(name) or self._find(name)
        if known is not None and known[0] == _words(stamp) and os.access(file, os.R_OK):
            return known[1], stamp
        begun_ns = time.time_ns()
        content, stamp = hash_file(file)
        steady = stamp_of(file.stat()) == stamp
        if steady and max(stamp.modified_ns, stamp.changed_ns) < begun_ns - YOUNG_NS:
            self._new[name] = _words(stamp), content
        return content, stamp

    def save(self) -> None:
        """Keep what was learned, and what other processes have kept meanwhile."""
        if not self._new:
            return
        columns = [list(self._new), *map(list, zip(*self._new.values(), strict=True))]
        arrays = [pa.array(v, kind) for v, kind in zip(columns, _SCHEMA.types, strict=True)]
        learned = pa.Table.from_arrays(arrays, schema=_SCHEMA)

        def join(kept: pa.Table) -> pa.Table:
            others = kept.filter(
                pc.invert(pc.is_in(kept["path"], learned["path"].combine_chunks()))
            )
            return pa.concat_tables([others, learned])

        self._rewrite(join)
        self._new = {}

    def forget_gone(self) -> None:
        """Drop the files that are gone or have changed."""

        def drop(kept: pa.Table) -> pa.Table:
            pairs = zip(kept["path"].to_pylist(), kept["stamp"].to_pylist(), strict=True)
            return kept.filter(pa.array([_is_there(*pair) for pair in pairs], pa.bool_()))

        if self._folder is not None and (self._folder / NAME).exists():
            self._rewrite(drop)

    def forget(self, names: Iterable[str]) -> None:
        """Drop the files whose paths end so, wherever the store was then, and copies of them."""
        endings = tuple(b"/" + os.fsencode(name) for name in names)

        def drop(kept: pa.Table) -> pa.Table:
            named = pa.array([path.endswith(endings) for path in kept["path"].to_pylist()])
            contents = kept.filter(named)["content"].combine_chunks()
            return kept.filter(pc.invert(pc.is_in(kept["content"], contents)))

        if endings and self._folder is not None and (self._folder / NAME).exists():
            self._rewrite(drop)

    def _find(self, name: bytes) -> tuple[str, str] | None:
        places, stamps, contents = self._kept
        place = places.get(name)
        return None if place is None else (stamps[place].as_py(), contents[place].as_py())

    @cached_property
    def _kept(self) -> tuple[dict[bytes, int], pa.Array, pa.Array]:
        paths, stamps, contents = (column.combine_chunks() for column in self._read().columns)
        return {name: place for place, name in enumerate(paths.to_pylist())}, stamps, contents

    def _read(self) -> pa.Table:
        try:
            if self._folder is not None:
                with open_ordinary(self._folder / NAME) as file:
                    digest, rest = file.read(_DIGEST_BYTES), file.read()
                if hashlib.sha256(rest).digest() == digest:
                    with ipc.open_stream(rest) as stream:
                        if stream.schema == _SCHEMA:
                            return stream.read_all().combine_chunks()
        except (OSError, pa.ArrowException):  # mostly there is none
            pass
        return _SCHEMA.empty_table()

    def _rewrite(self, change: Callable[[pa.Table], pa.Table]) -> None:
        """Let `change` make a new table of what is kept; a store may be one that is only read."""
        if self._folder is None:
            return
        path = self._folder / NAME
        with suppress(OSError), writing_alone(path):
            remove_left_files(path.parent, lambda name: name == NAME)
            kept, content = self._read(), pa.BufferOutputStream()
            changed = change(kept)
            if changed.equals(kept):
                return
            with ipc.new_stream(content, _SCHEMA) as stream:
                stream.write_table(changed)
            rest = content.getvalue().to_pybytes()
            with written_at_end(path) as partial:
                partial.write_bytes(hashlib.sha256(rest).digest() + rest)
        vars(self).pop("_kept", None)


def _words(stamp: Stamp) -> str:
    return " ".join(map(str, stamp))


def _is_there(name: bytes, stamp: str) -> bool:
    try:
        return _words(stamp_of(Path(os.fsdecode(name)).stat())) == stamp
    except OSError:
        return False
