"""Takes rows out of an index, without any encoder."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from pyarrow import compute as pc
from spaner_core.files.atomic import remove_left_files
from spaner_core.files.replacing import writing_alone

from spaner.index.files import is_ours, open_index, remove_index, remove_unnamed, write_table
from spaner.index.records import record_path, write_record
from spaner.index.shards import SHARD_ROWS, parts_at, shard_name, write_shard


def drop_rows(
    folder: Path, modality: str, *, ids: Collection[str], contents: Collection[str]
) -> int:
    """Remove the rows that have one of the ids or contents; return how many.

    The others keep their vectors. Files of rows that are gone are removed, those that killed
    writers left too. Raises `SpaceError` where the index is broken.
    """
    home = folder / modality
    with writing_alone(record_path(folder, modality)):
        index = open_index(folder, modality)
        if index is None:
            return 0
        remove_left_files(home, is_ours)
        remove_unnamed(home, index.record)
        gone = pc.or_(
            pc.is_in(index.rows.cells["id"], pa.array(ids, pa.string())),
            pc.is_in(index.contents, pa.array(contents, pa.string())),
        )
        kept = np.flatnonzero(~gone.to_numpy(zero_copy_only=False))
        if len(kept) == 0:
            remove_index(folder, modality)
        if len(kept) in (0, len(index.rows)):
            return len(index.rows) - len(kept)
        left = index.contents.take(pa.array(kept)).to_pylist()
        shards = []
        for start in range(0, len(kept), SHARD_ROWS):
            part = slice(start, start + SHARD_ROWS)
            path = home / shard_name(index.record.key, left[part])
            shards.append(write_shard(path, parts_at(index.shards, torch.from_numpy(kept[part]))))
        table = write_table(home, index.rows.take(kept), left, kept=None)
        record = replace(index.record, table=table, shards=tuple(shards))
        write_record(folder, modality, record)
        remove_unnamed(home, record)
        return len(index.rows) - len(kept)
