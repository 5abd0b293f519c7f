"""Joins the rows that a manifest repeats for further concepts."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from spaner_core.data.matches import Labels


class TooFewSamples(ValueError):  # noqa: N818  (a verdict on the data, not a fault)
    """There is too little data to fit what was asked for."""


def one_a_sample(vectors: Tensor, labels: Labels) -> Tensor:
    """Take the first row of each sample, (n, D) to (S, D), in the order of `Labels.groups`."""
    return vectors[labels.first_rows().to(vectors.device)]


def check_same_rows(embeddings: Mapping[str, Tensor], labels: Mapping[str, Labels]) -> None:
    """Raise `ValueError` unless both name the same modalities, with as many rows, of one width."""
    rows = {name: len(vectors) for name, vectors in embeddings.items()}
    labelled = {name: len(known) for name, known in labels.items()}
    if rows != labelled:
        raise ValueError(
            f"got embeddings of {rows} rows and labels of {labelled}; expected the same "
            "modalities and rows; give one label a row"
        )
    widths = {name: vectors.shape[-1] for name, vectors in embeddings.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(
            f"got embeddings of widths {widths}; expected one width; take the aligners of one space"
        )
