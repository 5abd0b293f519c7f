"""Reads and writes the files of an index.

    <space>.index/vision.json               what is current: key, table, shards; it is renamed last
    <space>.index/vision/rows-….arrow       the manifest's rows, and the key of each input's content
    <space>.index/vision/shard-….safetensors  vectors of up to 65,536 rows, in the table's order

Files besides the record are named by what they hold and never written again, so that a reader keeps
what its record named, whatever a writer puts beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from spaner_core.data.manifest import Rows
from spaner_core.errors import SpaceError
from spaner_core.files.atomic import written_at_end
from spaner_core.files.replacing import writing_alone

from spaner.index.records import (
    FileRecord,
    IndexRecord,
    broken,
    checked,
    describe,
    read_record,
    record_path,
)
from spaner.index.shards import Shard

CONTENT, LINE = " content", " line"
"""Columns of the table besides the manifest's, whose names begin with no blank."""


@dataclass(frozen=True, kw_only=True)
class ModalityIndex:
    """The index of one modality: row i of `rows` has the i-th vector of the `shards` together.

    `contents` (n,) text are the keys of the inputs' contents.
    """

    record: IndexRecord
    rows: Rows
    contents: pa.Array
    shards: tuple[Shard, ...]


def open_index(folder: Path, modality: str) -> ModalityIndex | None:
    """Open the index of a modality; None where there is none.

    Its record has the stamps that the files have now. Raises `SpaceError` where a file is broken or
    missing. A writer may have removed what the record named when it was read: then the new record
    is read. What is open stays whole, whatever is removed. As long as nothing has changed, the same
    one is given: services open it for every query.
    """
    record = read_record(folder, modality)
    while record is not None:
        try:
            return _open(folder / modality, record)
        except SpaceError:
            newer = read_record(folder, modality)
            if newer == record:
                raise
            record = newer
    return None


def _open(folder: Path, record: IndexRecord) -> ModalityIndex:
    record = replace(
        record,
        table=checked(folder, record.table),
        shards=tuple(checked(folder, part) for part in record.shards),
    )
    last = _opened.get(folder.absolute())
    if last is not None and last.record == record:
        return last
    rows, contents = _read_table(folder / record.table.name)
    if len(rows) != record.table.rows or len(rows) != sum(part.rows for part in record.shards):
        raise broken(folder / record.table.name, "it has other rows than its record says")
    shards = tuple(Shard(folder / part.name, part) for part in record.shards)
    index = ModalityIndex(record=record, rows=rows, contents=contents, shards=shards)
    _opened[folder.absolute()] = index
    return index


_opened: dict[Path, ModalityIndex] = {}
"""The index that was opened last in each folder."""


def _read_table(path: Path) -> tuple[Rows, pa.Array]:
    try:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all().combine_chunks()
        cells = {name: _whole(table[name]) for name in table.column_names}
        lines, contents = cells.pop(LINE), cells.pop(CONTENT)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise broken(path, str(error)) from error
    return Rows(cells, lines), contents


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def write_table(
    folder: Path, rows: Rows, contents: Sequence[str], *, kept: FileRecord | None
) -> FileRecord:
    """Write the rows with the keys of their inputs' contents, unless that is what is `kept`."""
    cells = {**rows.cells, LINE: rows.lines, CONTENT: pa.array(contents, pa.string())}
    table = pa.table(cells)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    content = sink.getvalue()
    path = folder / f"rows-{hashlib.sha256(content).hexdigest()[:16]}.arrow"
    if kept is not None and kept.name == path.name:
        return kept
    with written_at_end(path) as partial:
        partial.write_bytes(content)
    return describe(path, rows=len(rows))


def is_ours(name: str) -> bool:
    """Tell whether a file of that name is a table or a shard."""
    return name.startswith(("rows-", "shard-"))


def remove_unnamed(folder: Path, record: IndexRecord | None) -> None:
    """Remove the files of a modality that its record does not name."""
    named = {part.name for part in (record.table, *record.shards)} if record else set()
    for path in folder.iterdir():
        if path.name not in named and is_ours(path.name):
            path.unlink(missing_ok=True)


def remove_index(folder: Path, modality: str) -> None:
    """Remove the index of a modality, its record first, so that no reader finds half of it."""
    record = record_path(folder, modality)
    if record.exists():
        with writing_alone(record):
            record.unlink(missing_ok=True)
            remove_unnamed(folder / modality, None)
