"""Encodes images with a timm model: its tokens before any pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from spaner_core import fingerprint_model
from timm.data.config import resolve_model_data_config
from torch import Tensor

from spaner_vision.options import TimmOptions
from spaner_vision.timm_models import describe_timm_model, load_timm_model
from spaner_vision.token_layout import as_tokens, read_layout

ALGORITHM_VERSION = 1
"""Raised whenever the same model would give other features."""


class TimmEncoder:
    """Gives what `forward_features` gives: CLS and register tokens, then those of the grid.

    `data_config` is timm's own description of the pictures that the model takes.
    """

    def __init__(self, options: TimmOptions) -> None:
        self.model: Any = load_timm_model(options)
        read: Any = resolve_model_data_config
        self.data_config: dict[str, Any] = read(self.model)
        size = tuple(self.data_config["input_size"])
        self.features = read_layout(self.model, size)
        settings = {**describe_timm_model(self.model), "input_size": size}
        self.fingerprint = fingerprint_model(
            "vision/timm", ALGORITHM_VERSION, self.model, settings=settings
        )

    def collate(self, inputs: Sequence[Tensor]) -> Tensor:
        """Join prepared pages (C, H, W) into (B, C, H, W)."""
        return torch.stack(list(inputs))

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) and mask (B, N) for pages (B, C, H, W)."""
        tokens = as_tokens(self.model.forward_features(batch), self.model)
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
