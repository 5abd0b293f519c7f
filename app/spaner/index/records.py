"""Keeps what an index says of itself: key, table and shards."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

from spaner_core.errors import SpaceError, UnusableInput
from spaner_core.features.inputs import Stamp, hash_file, stamp_of
from spaner_core.files.documents import fit, read_versioned, write_json

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class IndexKey:
    """What the vectors of a modality depend on besides the inputs; no pull strength is among it.

    `dtype` is that of the stored features that they were embedded from.
    """

    encoder: str
    transform: str
    aligner: str
    prompt: str
    dtype: str

    def differing(self, other: IndexKey) -> list[str]:
        """Name what differs."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """A file of the index: its name, rows, size in bytes, SHA-256, and stamp when it was written.

    One with another stamp has been copied or changed since, which its SHA-256 tells.
    """

    name: str
    rows: int
    size_bytes: int
    sha256: str
    stamp: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class IndexRecord:
    """What `<modality>.json` says. `manifest` is the stamp of the file that the rows are from."""

    key: IndexKey
    table: FileRecord
    shards: tuple[FileRecord, ...]
    manifest: tuple[int, ...]


def record_path(folder: Path, modality: str) -> Path:
    """Return where the record of a modality is in the index at `folder`."""
    return folder / f"{modality}.json"


def read_record(folder: Path, modality: str) -> IndexRecord | None:
    """Read a modality's record, None where there is none; `SpaceError` where it is broken."""
    path = record_path(folder, modality)
    try:
        version, content = read_versioned(path)
        if version != FORMAT_VERSION:
            raise ValueError(f"format version {version!r}, this SPANER reads {FORMAT_VERSION}")
        return fit(content, IndexRecord)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise broken(path, str(getattr(error, "strerror", None) or error)) from error


def write_record(folder: Path, modality: str, record: IndexRecord) -> None:
    """Make a record the current one, by one rename."""
    write_json(record_path(folder, modality), {"format_version": FORMAT_VERSION, **asdict(record)})


def describe(path: Path, *, rows: int) -> FileRecord:
    """Describe a file of the index, which holds so many rows."""
    digest, stamp = hash_file(path)
    return FileRecord(
        name=path.name, rows=rows, size_bytes=stamp.size_bytes, sha256=digest, stamp=tuple(stamp)
    )


def checked(folder: Path, part: FileRecord, *, whole: bool = False) -> FileRecord:
    """Return the record of a file with its stamp of now.

    It is read where that differs, or if `whole` is true. Raises `SpaceError` where it is not there
    or holds something else than was written.
    """
    path = folder / part.name
    try:
        stamp = stamp_of(path.stat())
        if not whole and part.stamp == stamp:
            return part
        digest, stamp = hash_file(path) if whole else _hash_once(path.absolute(), stamp)
    except (OSError, UnusableInput) as error:
        raise broken(path, getattr(error, "strerror", None) or str(error)) from error
    if stamp.size_bytes != part.size_bytes:
        raise broken(path, f"it has {stamp.size_bytes:,} bytes, not {part.size_bytes:,}")
    if digest != part.sha256:
        raise broken(path, "it holds something else than was written")
    return replace(part, stamp=tuple(stamp))


@lru_cache(maxsize=128)
def _hash_once(path: Path, _: Stamp) -> tuple[str, Stamp]:
    return hash_file(path)


def broken(path: Path, why: str) -> SpaceError:
    """Say that a file of the index cannot be used, and how to mend that."""
    modality = path.stem if path.suffix == ".json" else path.parent.name
    return SpaceError(
        f"{path} cannot be used ({' '.join(why.split())}); make it anew with "
        f"`spaner index {modality} --overwrite`"
    )
