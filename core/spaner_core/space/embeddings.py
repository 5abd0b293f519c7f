"""Embeds features through one aligner; compares embeddings and their keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from spaner_core.contract.modality import Alignment
from spaner_core.devices import one_thread
from spaner_core.errors import DataError, SpaceError, one_line
from spaner_core.features.rows import FeatureRows, RowSource, load_in_batches
from spaner_core.method.prompt import SharedPrompt
from spaner_core.space.records import AlignerRecord

COMPOSED_ALIKE = 1e-5
"""How far a number of an embedding may be from the composed one: a hundred times rounding."""


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
    if not len(rows):  # of which an aligner that reads so many tokens can make nothing
        nowhere = anchors.new_zeros(0, anchors.shape[1])
        return Alignment(nowhere, nowhere, anchors.new_zeros(0, len(anchors)))
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


class EmbeddingParts(NamedTuple):
    """What embeddings of b rows are composed of at every pull strength.

    `direction` h (b, D) is what the modality itself says, of unit length; `pull` w A (b, D) is the
    mean of the anchors, each by its weight: zeros where there is no anchor.
    """

    direction: Tensor
    pull: Tensor

    def at(self, strength: float) -> Tensor:
        """Compose embeddings z (b, D): normalize((1 - strength) h + strength w A)."""
        pulled = (1 - strength) * self.direction + strength * self.pull  # as aligners compute it
        return functional.normalize(pulled, dim=-1)


def part_embeddings(
    alignments: Iterable[Alignment], *, record: AlignerRecord, prompt: SharedPrompt, strength: float
) -> Iterator[EmbeddingParts]:
    """Yield what the embeddings of `alignments`, taken at a pull `strength`, are composed of.

    Raises `SpaceError` where they are not: an aligner of a plugin's own may compose otherwise.
    """
    anchors = prompt.anchors[: record.anchor_count]
    for alignment in alignments:
        parts = EmbeddingParts(alignment.direction, alignment.weights @ anchors)
        composed = parts.at(strength if len(anchors) else 0.0)
        if not torch.allclose(composed, alignment.embedding, atol=COMPOSED_ALIKE):
            raise SpaceError(
                f"the aligner of {record.modality!r} composes embeddings in another way than "
                "normalize((1 - strength) h + strength w A), and cannot be indexed"
            )
        yield parts


@dataclass(frozen=True, kw_only=True)
class VectorKey:
    """Everything that decides an embedding besides the input.

    Fingerprints of the encoder, the input preparation, the aligner and the part of the prompt that
    the aligner reads, and the pull strength. Concepts that are appended to the prompt change none
    of them; an aligner that is replaced changes its modality's key and no other.
    """

    modality: str
    encoder: str
    transform: str
    aligner: str
    prompt: str
    strength: float

    def check(self, current: VectorKey) -> None:
        """Raise `SpaceError` naming what differs, unless `current` is the same key."""
        differing = [
            field.name
            for field in fields(self)
            if getattr(self, field.name) != getattr(current, field.name)
        ]
        if differing:
            raise SpaceError(
                f"these embeddings of {self.modality!r} are stale: they were made with another "
                f"{' and another '.join(differing)} than the space has now; embed the inputs again"
            )


def similarity(first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
    """Return the cosine, -1 to 1, of every row of `first` (n, D) with every one of `second`.

    Rows (m, D) give (n, m); an array (D,) is one row, and its axis is left out of the answer.
    Rows need not be of unit length; a row of zeros has no direction, and cosine 0 with all.
    Raises `DataError` where arrays have other axes, D differs, or they hold no numbers.
    """
    a, b = _as_numbers(first), _as_numbers(second)
    if not {a.ndim, b.ndim} <= {1, 2} or a.shape[-1] != b.shape[-1]:
        raise DataError(
            f"similarity got arrays of shape {a.shape} and {b.shape}; expected (n, D) and "
            "(m, D), or (D,) for one row; give embeddings of one space"
        )
    cosines = _unit_rows(a) @ _unit_rows(b).T
    return np.asarray(np.clip(cosines, -1, 1), dtype=np.float32)


def _as_numbers(given: ArrayLike) -> NDArray[np.float32]:
    try:
        return np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"similarity got {given!r:.60}; give embeddings, as of encode") from error


def _unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows (n, D) or (D,) with unit length, zeros as they are."""
    # in float64: squares of large float32 numbers overflow
    lengths = np.linalg.norm(rows.astype(np.float64), axis=-1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)
