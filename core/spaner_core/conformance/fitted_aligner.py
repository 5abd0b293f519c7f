"""Fits an aligner to the examples, saves and restores it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors.torch import load, save
from torch import Tensor, nn

from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.modality import Alignment, FeatureSpec, LabelAligner, Reader, RowBatch
from spaner_core.devices import one_thread
from spaner_core.features.rows import FeatureRows, stack_rows
from spaner_core.method.prompt import random_anchors

BETA = 5.0
STRENGTH = 0.5


@dataclass(frozen=True, kw_only=True)
class FittedAligner:
    """An aligner in evaluation mode, the `rows` it was fitted to, and anchors (C, D).

    `spec` describes features as those of `rows`.
    """

    aligner: Any
    spec: FeatureSpec
    rows: FeatureRows
    anchors: Tensor

    def align(self, rows: FeatureRows | None = None, *, strength: float = STRENGTH) -> Alignment:
        """Embed `rows`, by default those it was fitted to, without gradients."""
        with torch.no_grad(), one_thread():
            return self(self.rows if rows is None else rows, strength=strength)

    def __call__(self, rows: FeatureRows, *, strength: float = STRENGTH) -> Alignment:
        """Embed `rows` as they are, with gradients where they are wanted."""
        alignment: Alignment = self.aligner(
            rows.values, rows.mask, self.anchors, beta=torch.tensor(BETA), strength=strength
        )
        return alignment

    def results(self, rows: FeatureRows) -> dict[str, Tensor]:
        """Embed rows, and read them alone: a shift of what is read may cancel in an embedding."""
        results = {"embeddings": self.align(rows).embedding}
        if isinstance(self.aligner, LabelAligner):
            with torch.no_grad():
                results["the reader's vectors"] = self.aligner.reader(rows.values, rows.mask)
        return results

    def state(self) -> bytes:
        """Return the aligner's state as the product stores it."""
        return save({key: value.contiguous() for key, value in self.aligner.state_dict().items()})


@dataclass(frozen=True)
class LoadedAnew:
    """Batches as training gives them: gone through as often as wanted, and nothing else.

    `concepts` (n,) are those of all rows.
    """

    batches: Sequence[FeatureRows]
    concepts: Tensor

    def __iter__(self) -> Iterator[RowBatch]:
        start = 0
        for batch in self.batches:
            concepts = self.concepts[start : start + len(batch)]
            # copies, as from a file: what is written into them is not there the next time
            yield RowBatch(batch.values.clone(), batch.mask.clone(), concepts.clone())
            start += len(batch)


def fit_aligner(
    aligner: Any,
    batches: Sequence[FeatureRows],
    *,
    spec: FeatureSpec,
    dim: int,
    concepts: int | None = None,
) -> FittedAligner:
    """Fit `aligner` to rows: the last one has no concept, the last two concepts have no row.

    `spec` is what it was built for, `concepts` the number of anchors, by default one more than
    there are rows.
    """
    rows = stack_rows(batches)
    count = len(rows) + 1 if concepts is None else concepts
    places = torch.arange(len(rows))
    places[places >= min(count, len(rows) - 1)] = -1
    if not callable(getattr(aligner, "fit_statistics", None)):
        raise BrokenRule(
            f"the aligner, a {type(aligner).__name__}, has no fit_statistics",
            "the methods of spaner_core.Aligner",
            "add it; it may do nothing",
        )
    aligner.fit_statistics(LoadedAnew(batches, places), concept_count=count)
    aligner.eval()
    generator = torch.Generator().manual_seed(0)
    anchors = random_anchors(count, dim=dim, generator=generator).anchors
    return FittedAligner(aligner=aligner, spec=spec, rows=rows, anchors=anchors)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A reader that is fitted to the examples' rows, and what it reads from them, (n, P)."""

    reader: Any
    vectors: Tensor


def fit_reader(reader: Any, rows: FeatureRows) -> Reading:
    """Fit a plugin's reader to rows and let it read them.

    Raises `BrokenRule` where it does not give one vector a row, as wide as it says.
    """
    if not (isinstance(reader, nn.Module) and isinstance(reader, Reader)):
        raise BrokenRule(
            f"spaner_build_reader gives a {type(reader).__name__}",
            "a torch.nn.Module with the name, options, width and fit of spaner_core.Reader",
            "add what it lacks",
        )
    reader.fit(LoadedAnew([rows], torch.arange(len(rows))))
    with torch.no_grad():
        vectors = reader(rows.values, rows.mask)
    if vectors.shape != (len(rows), reader.width) or not torch.isfinite(vectors).all():
        raise BrokenRule(
            f"the reader gives {tuple(vectors.shape)} for {len(rows)} rows",
            f"finite ({len(rows)}, {reader.width}), as its width says",
            "correct the reader or its width",
        )
    return Reading(reader=reader, vectors=vectors)


def check_shapes(fitted: FittedAligner, given: Alignment) -> None:
    """Raise `BrokenRule` unless there is a finite row for each of the aligner's rows."""
    rows, dim = len(fitted.rows), fitted.anchors.shape[1]
    widths = {"embedding": dim, "direction": dim, "weights": len(fitted.anchors)}
    for name, width in widths.items():
        value: Tensor = getattr(given, name)
        if value.shape != (rows, width) or not torch.isfinite(value).all():
            raise misaligned(
                f"{name} {tuple(value.shape)}", f"finite ({rows}, {width})", len(fitted.anchors)
            )


def misaligned(given: str, expected: str, anchors: int) -> BrokenRule:
    """Say what an aligner gives that it should not."""
    return BrokenRule(
        f"against {anchors} anchors the aligner gives {given}", expected, "correct its forward"
    )


def describe_spec(spec: FeatureSpec) -> str:
    """Write a `FeatureSpec` as it is stored with an aligner, as JSON."""
    return json.dumps(dataclasses.asdict(spec))


def read_spec(stored: str) -> FeatureSpec:
    """Read back what `describe_spec` wrote."""
    return TypeAdapter(FeatureSpec).validate_json(stored)


def restore_aligner(aligner: Any, state: bytes) -> Any:
    """Give an aligner, built of a stored `FeatureSpec` alone, a stored state."""
    aligner.load_state_dict(load(state))
    return aligner.eval()
