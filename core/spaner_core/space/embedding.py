"""Embeds features through one aligner, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from spaner_core.contract.modality import Alignment
from spaner_core.devices import one_thread
from spaner_core.errors import SpaceError, one_line
from spaner_core.features.rows import FeatureRows, RowSource, load_in_batches
from spaner_core.method.prompt import SharedPrompt
from spaner_core.space.records import AlignerRecord


def align_rows(
    aligner: Any, rows: RowSource, *, record: AlignerRecord, prompt: SharedPrompt, strength: float
) -> Iterator[Alignment]:
    """Yield what `aligner` makes of `rows`, at least one batch, at a pull `strength` in [0, 1].

    It reads the anchors that it was trained with. Raises `SpaceError` where features do not fit
    its record, and where it fails or gives anything but embeddings.
    """
    for part in load_in_batches(rows) if len(rows) else [rows.load()]:
        _check_shape(part, record)
        yield _align(aligner, part, record=record, prompt=prompt, strength=strength)


def _align(
    aligner: Any, rows: FeatureRows, *, record: AlignerRecord, prompt: SharedPrompt, strength: float
) -> Alignment:
    anchors = prompt.anchors[: record.anchor_count]
    try:
        with torch.inference_mode(), one_thread():
            alignment: Alignment = aligner(
                rows.values, rows.mask, anchors, beta=prompt.beta, strength=strength
            )
            shapes = alignment.embedding.shape, alignment.weights.shape
            finite = bool(torch.isfinite(alignment.embedding).all())
    except Exception as error:
        raise _broken(record, f"fails ({one_line(error)})") from error
    expected = (len(rows), anchors.shape[1]), (len(rows), len(anchors))
    if shapes != expected:
        raise _broken(record, f"gives {tuple(map(tuple, shapes))}, not {expected}")
    if not finite:
        raise _broken(record, "gives NaN")
    # what is made in inference mode could be used in no training of something else
    return Alignment(*(tensor.clone() for tensor in alignment))


def _check_shape(rows: FeatureRows, record: AlignerRecord) -> None:
    """Raise `SpaceError` unless features are of the shape that the modality's aligner takes."""
    spec, name, (_, tokens, dim) = record.features, record.modality, rows.values.shape
    if dim != spec.dim or (len(rows) and spec.tokens not in (None, tokens)):
        raise SpaceError(
            f"features of {name!r} have {tokens} tokens of {dim} numbers, but "
            f"aligners/{name}/config.json says {spec}: one of them was changed. Use the "
            "encoder that it was trained with, or restore the space from a copy"
        )


def _broken(record: AlignerRecord, what: str) -> SpaceError:
    return SpaceError(
        f"the aligner of {record.modality!r} {what}: its weights or features are broken. "
        "Run `spaner verify`, and restore the space from a copy"
    )
