"""Reads features as an aligner's class means do: before anything learned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spaner_core.devices import one_thread
from spaner_core.features.rows import RowSource, load_in_batches
from spaner_core.method.aligner import CrossAttentionAligner


def read_rows(aligner: Any, rows: RowSource) -> Tensor | None:
    """Return p̂ (n, P) float32 of features, of unit length.

    None where the aligner is a plugin's own, which may read in another way.
    """
    if not isinstance(aligner, CrossAttentionAligner):
        return None
    parts = []
    with torch.inference_mode(), one_thread():
        for part in load_in_batches(rows):
            parts.append(aligner.read_unit(part.values, part.mask).clone())
    return torch.cat(parts) if parts else torch.zeros(0, aligner.reader.width)
