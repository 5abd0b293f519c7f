"""Embedding the names of concepts."""

from __future__ import annotations

import torch
from torch import Tensor

from spaner_core.data.labelled import LabelledRows
from spaner_core.readers import Reader


def embed_labels(reader: Reader, labels: LabelledRows, *, count: int) -> Tensor:
    """Return one raw embedding a concept, (count, P): the mean over its texts."""
    rows = labels.features.load()
    raw = reader(rows.values, rows.mask)  # (texts, P)
    sums = raw.new_zeros(count, raw.shape[1]).index_add_(0, labels.concepts, raw)
    texts = torch.bincount(labels.concepts, minlength=count).clamp_min(1)
    return sums / texts.unsqueeze(-1)
