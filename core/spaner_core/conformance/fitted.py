"""An aligner fitted to the examples, saved, restored and asked for embeddings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from pydantic import TypeAdapter
from safetensors.torch import load, save
from torch import Tensor

from spaner_core.features.rows import FeatureRows, stack_rows
from spaner_core.modality import Alignment, FeatureSpec, LabelAligner, RowBatch
from spaner_core.prompt import random_anchors
from spaner_core.threads import one_thread

if TYPE_CHECKING:
    from spaner_core.conformance.subject import Subject

BETA = 5.0
STRENGTH = 0.5


@dataclass(frozen=True, kw_only=True)
class FittedAligner:
    """An aligner in evaluation mode, the `rows` it was fitted to, and anchors (C, D)."""

    aligner: Any
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
class _LoadedAnew:
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
    aligner: Any, batches: Sequence[FeatureRows], *, dim: int, concepts: int | None = None
) -> FittedAligner:
    """Fit `aligner` to rows: the last one has no concept, the last two concepts have no row.

    `concepts` is the number of anchors, by default one more than there are rows.
    """
    rows = stack_rows(batches)
    count = len(rows) + 1 if concepts is None else concepts
    places = torch.arange(len(rows))
    places[places >= min(count, len(rows) - 1)] = -1
    aligner.fit_statistics(_LoadedAnew(batches, places), concept_count=count)
    aligner.eval()
    generator = torch.Generator().manual_seed(0)
    anchors = random_anchors(count, dim=dim, generator=generator).anchors
    return FittedAligner(aligner=aligner, rows=rows, anchors=anchors)


def describe_spec(spec: FeatureSpec) -> str:
    """Write a `FeatureSpec` as it is stored with an aligner, as JSON."""
    return json.dumps(dataclasses.asdict(spec))


def read_spec(stored: str) -> FeatureSpec:
    """Read back what `describe_spec` wrote."""
    return TypeAdapter(FeatureSpec).validate_json(stored)


def restore_aligner(subject: Subject, spec: str, state: bytes) -> Any:
    """Build an aligner from a stored `FeatureSpec` alone and give it a stored state."""
    aligner = subject.build_aligner(read_spec(spec))
    aligner.load_state_dict(load(state))
    return aligner.eval()
