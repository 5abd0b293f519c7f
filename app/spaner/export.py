"""Writes embeddings of rows to a Parquet file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from spaner_core.data.manifest import Rows
from spaner_core.errors import DataError
from spaner_core.files.atomic import written_at_end
from spaner_core.space.embeddings import VectorKey
from spaner_core.space.records import Strength
from torch import Tensor

from spaner.index.embed import embed_rows
from spaner.output_paths import check_output_file
from spaner.policy.links import check_export, unlinked
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.splits import split_rows

EMBEDDING = "embedding"
KEY = "spaner.vector_key"


@dataclass(frozen=True, kw_only=True, repr=False)
class ExportReport(Report):
    """What was exported: the rows of a modality, and the width of their embeddings.

    `key` is what the embeddings depend on besides the inputs; the file has it, too.
    """

    path: Path
    modality: str
    rows: int
    dim: int
    key: VectorKey

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"rows": self.rows}, [self.modality])


def export(
    project: Project,
    modality: str,
    path: Path,
    *,
    split: str | None = None,
    strength: Strength | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write the embeddings of a modality's rows, all or those of a split, whole or not at all.

    The manifest's columns come first, a row each; a sample that has a row for each of its concepts
    has as many here. `embedding` holds D float32 numbers of unit length. The schema's metadata
    have the vector key as JSON. Raises `ConfigError` where `policy.links` lets nothing find the
    modality or the path may not be written, `OutputExists` where it is there and `overwrite` is
    false, `DataError` where there are no such rows.
    """
    project.config.check_declared([modality])
    check_export(project.config, modality)
    check_output_file(project, path, flag="output", overwrite=overwrite, suffix=".parquet")
    rows = split_rows(project.manifest, modality, split)
    _check_columns(project, rows)
    project.check_modality(modality)
    key = project.space.vector_key(modality, strength=strength)
    usable = project.features(modality, rows)
    vectors = embed_rows(project, modality, usable, strengths=[strength])[strength]
    table = _table(usable.rows, vectors)
    with written_at_end(path) as partial:
        parquet.write_table(table.replace_schema_metadata({KEY: json.dumps(asdict(key))}), partial)
    if others := unlinked(project.config, modality, purpose="export"):
        project.say(
            f"{path} can be searched by anything: that policy.links does not let "
            f"{', '.join(others)} find {modality!r} binds nobody who has the file"
        )
    return ExportReport(
        path=path, modality=modality, rows=len(usable.rows), dim=vectors.shape[1], key=key
    )


def _check_columns(project: Project, rows: Rows) -> None:
    if EMBEDDING in rows.cells:
        raise DataError(
            f"{project.config.data.manifest} has a column {EMBEDDING!r}, which would take the "
            "place of the embeddings in the file; rename it"
        )


def _table(rows: Rows, vectors: Tensor) -> pa.Table:
    numbers = pa.array(vectors.numpy().reshape(-1))
    embeddings = pa.FixedSizeListArray.from_arrays(numbers, vectors.shape[1])
    return pa.table({"id": rows.cells["id"], **rows.cells, EMBEDDING: embeddings})
