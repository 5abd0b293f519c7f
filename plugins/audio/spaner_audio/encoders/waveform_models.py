"""Builds encoders of waveforms: Wav2Vec2, HuBERT, WavLM and their kin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from spaner_core import FeatureSpec
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from spaner_audio.encoders.preparation import Preparation, Window

MOST_SAMPLES = 2**20
"""Samples that go through the model at once: its first layer makes some 400 bytes of each."""


class WaveformEncoder(nn.Module):
    """A model of waveforms, one token for every few hundred samples.

    Only windows of equal length share a batch. Many of these models normalise over the whole
    input or convolve past its end, so that padding would change features, whatever the mask.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        read: Callable[[nn.Module, Tensor], Tensor],
        preparation: Preparation,
        dim: int,
        fingerprint: str,
    ) -> None:
        super().__init__()
        self.model = model
        self.preparation = preparation
        self.features = FeatureSpec(dim=dim)
        self.fingerprint = fingerprint
        self._read = read

    def collate(self, inputs: Sequence[Window]) -> list[Tensor]:
        """Join windows (T,) into one batch, each at its own length."""
        return [window.values for window in inputs]

    def forward(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) and mask (B, N) for windows (T,) of any lengths."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for place, window in enumerate(batch):
            by_length[len(window)].append(place)
        tokens: dict[int, Tensor] = {}
        for length, places in by_length.items():
            size = max(1, MOST_SAMPLES // length)
            for start in range(0, len(places), size):
                part = places[start : start + size]
                read = self._read(self.model, torch.stack([batch[place] for place in part]))
                tokens.update(zip(part, read, strict=True))
        rows = [tokens[place] for place in range(len(batch))]
        real = [torch.ones(len(row), dtype=torch.bool, device=row.device) for row in rows]
        return pad_sequence(rows, batch_first=True), pad_sequence(real, batch_first=True)
