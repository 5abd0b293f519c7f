"""Watches how loud a recording is while it is decoded."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from spaner_core import UnusableInput
from torch import Tensor

FULL_SCALE = 0.9999
"""Samples from here on are as loud as integers go."""

CLIPPED_SHARE = 0.01
"""Of a recording that was not clipped, less lies within flat stretches at full scale."""

LOUDEST = 10.0
"""Peak of floating point samples beyond which they are no shares of full scale, but integers."""

CANCELLED_SHARE = 1e-3
"""Of their channels' energy, averages of ordinary recordings keep far more than this (-30 dB)."""

_logger = logging.getLogger(__name__)


@dataclass
class Levels:
    """Sums over the blocks of a recording so far."""

    values: int = 0
    clipped: int = 0
    floating_peak: float = 0.0
    energy: float = 0.0
    averaged: float = 0.0

    def add(self, block: Tensor, average: Tensor, *, floating: bool) -> None:
        """Take in samples (T, channels) and their average over channels (T,).

        `floating` are samples that may be louder than full scale.
        """
        loudness = block.abs()
        full = loudness >= FULL_SCALE
        self.clipped += int((full[:-2] & full[1:-1] & full[2:]).sum())
        self.values += block.numel()
        if floating:
            self.floating_peak = max(self.floating_peak, float(loudness.max()))
        if block.shape[1] > 1:
            self.energy += float(block.square().mean(dim=1, dtype=torch.float64).sum())
            self.averaged += float(average.square().sum(dtype=torch.float64))

    def check(self) -> None:
        """Raise `UnusableInput` where averaging the channels left nothing of them."""
        if self.averaged < CANCELLED_SHARE * self.energy:
            raise UnusableInput(
                f"averaging the channels leaves {self.averaged / self.energy:.4%} of their "
                "energy, as one is the other turned upside down; expected channels in phase; turn "
                "one around, or keep one, for example with: ffmpeg -i INPUT -af pan=mono|c0=c0 "
                "OUTPUT.flac"
            )

    def warn(self, name: str) -> None:
        """Log what was heard of the recording `name` that may not be meant so."""
        if self.floating_peak > LOUDEST:
            _logger.warning(
                "%r: samples of floating point up to %.0f; expected at most 1; divide them by the "
                "full scale of the integers that they were, such as 32768",
                *(name, self.floating_peak),
            )
        if self.floating_peak > 1:  # what goes beyond full scale was not clipped there
            return
        share = self.clipped / max(1, self.values)
        if share > CLIPPED_SHARE:
            _logger.warning("%r: clipped for %.0f%% of its length", name, 100 * share)
