"""Builds encoders of fixed-length spectrograms: AST, Whisper, CLAP.

Their feature extractors fill a short window up, with silence or repetitions, as the models were
trained to hear it. Tokens of what was filled in are masked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from spaner_core import FeatureSpec
from torch import Tensor, nn

from spaner_audio.encoders.preparation import Preparation, Window


class Layout(NamedTuple):
    """Tokens as they lie in time.

    `summary` (B, prefix, E) sums a window up, `steps` (B, S, K, E) are K tokens for each of S
    steps of time.
    """

    summary: Tensor
    steps: Tensor


@dataclass(frozen=True, kw_only=True)
class Tower:
    """The audio part of a model: all that is kept of it.

    `settings` are JSON values that decide its output besides its weights, `window_samples` is the
    length it takes, `step_samples` how much of it a step of time covers, `prefix` the number of
    tokens that sum a window up.
    """

    module: nn.Module
    settings: Mapping[str, Any]
    read: Callable[[nn.Module, Tensor], Layout]
    dim: int
    window_samples: int
    step_samples: float
    prefix: int = 0


class SpectrogramEncoder(nn.Module):
    """A tower, frozen; for each window its summary tokens, then the others in order of time."""

    def __init__(self, tower: Tower, *, preparation: Preparation, fingerprint: str) -> None:
        super().__init__()
        self.model = tower.module
        self.preparation = preparation
        self.features = FeatureSpec(dim=tower.dim, prefix_tokens=tower.prefix)
        self.fingerprint = fingerprint
        self._read = tower.read
        self._step_samples = tower.step_samples

    def collate(self, inputs: Sequence[Window]) -> dict[str, Tensor]:
        """Join windows into one batch; all spectrograms are of one size."""
        return {
            "values": torch.stack([window.values for window in inputs]),
            "samples": torch.tensor([window.samples for window in inputs]),
        }

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) and mask (B, N), True on tokens of the recording itself."""
        summary, steps = self._read(self.model, batch["values"])
        rows, count, per_step, _ = steps.shape
        tokens = torch.cat([summary, steps.flatten(1, 2)], dim=1)  # (B, N, E)
        begins = torch.arange(count, device=tokens.device) * self._step_samples  # (S,)
        heard = begins < batch["samples"].unsqueeze(1)  # (B, S)
        always = heard.new_ones(rows, summary.shape[1])
        mask = torch.cat([always, heard.repeat_interleave(per_step, dim=1)], dim=1)
        return tokens * mask.unsqueeze(-1), mask
