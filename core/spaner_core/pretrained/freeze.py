"""Freezing an encoder, and proving that it stayed frozen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from spaner_core.errors import PluginError
from spaner_core.modality import Batch, Encoder, FeatureSpec
from spaner_core.pretrained.fingerprint import fingerprint_module


class FrozenEncoder(nn.Module):
    """An encoder that cannot train: no gradients, evaluation mode whatever is asked.

    Wraps any `Encoder`. Its modules, the encoder itself or those that a plain object holds, lose
    `requires_grad` everywhere and ignore later calls of `train()`, their own included.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder: Any = encoder
        own = getattr(encoder, "__dict__", {})  # none where the class has slots
        held = own.values() if not isinstance(encoder, nn.Module) else ()
        self.held = nn.ModuleList(part for part in held if isinstance(part, nn.Module))
        self.requires_grad_(False)
        super().train(False)
        for module in self.modules():
            if module is not self:
                vars(module)["train"] = partial(_stay, module)

    @property
    def features(self) -> FeatureSpec:
        """Shape of what the encoder gives."""
        spec: FeatureSpec = self.encoder.features
        return spec

    @property
    def fingerprint(self) -> str:
        """The encoder's own fingerprint."""
        return str(self.encoder.fingerprint)

    def train(self, mode: bool = True) -> FrozenEncoder:
        """Stay in evaluation mode: dropout and batch statistics would change the features."""
        return self

    def collate(self, inputs: Any) -> Batch:
        """Join prepared windows into one batch."""
        return self.encoder.collate(inputs)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) float32 and mask (B, N) bool, without gradients."""
        with torch.inference_mode():
            tokens, mask = self.encoder(batch)
        return tokens.float().clone(), mask.bool().clone()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Raise `PluginError` if a weight or buffer differs after the block."""
        before = fingerprint_module(self)
        yield
        if fingerprint_module(self) != before:
            raise PluginError(
                f"the encoder {type(self.encoder).__name__} changed its own weights or buffers "
                "while it was used; a frozen encoder must not. Report it to the plugin's author"
            )


def _stay(module: nn.Module, mode: bool = True) -> nn.Module:
    return module
