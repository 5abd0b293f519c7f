"""Keeps what an index says of itself: key, table and shards."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from spaner_core.errors import SpaceError
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
    """A file of the index: its name, rows, size in bytes and SHA-256."""

    name: str
    rows: int
    size_bytes: int
    sha256: str


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
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileRecord(name=path.name, rows=rows, size_bytes=path.stat().st_size, sha256=digest)


def broken(path: Path, why: str) -> SpaceError:
    """Say that a file of the index cannot be used, and how to mend that."""
    modality = path.stem if path.suffix == ".json" else path.parent.name
    return SpaceError(
        f"{path} cannot be used ({' '.join(why.split())}); make it anew with "
        f"`spaner index {modality} --overwrite`"
    )
