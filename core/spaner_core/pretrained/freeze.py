"""Freezes an encoder, and proves that it stayed frozen."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from spaner_core.contract.modality import Batch, Encoder, FeatureSpec
from spaner_core.contract.plugin_code import PluginCode
from spaner_core.devices import move
from spaner_core.errors import FailedInput, PluginError, SpanerError
from spaner_core.pretrained.fingerprint import fingerprint_module


class FrozenEncoder(nn.Module):
    """An encoder that cannot train: no gradients, evaluation mode whatever is asked.

    Wraps any `Encoder`. Its modules, the encoder itself or those that a plain object holds, lose
    `requires_grad` everywhere and ignore later calls of `train()`, their own included. Its weights
    are fingerprinted when it is built, and compared with that after its first use and by `prove`.
    What it does is reported as that of `code`, where the plugin that it comes from is known.
    """

    def __init__(self, encoder: Encoder, *, code: PluginCode | None = None) -> None:
        super().__init__()
        self.encoder: Any = encoder
        self.code = code
        own = getattr(encoder, "__dict__", {})  # none where the class has slots
        held = own.values() if not isinstance(encoder, nn.Module) else ()
        self.held = nn.ModuleList(part for part in held if isinstance(part, nn.Module))
        self.requires_grad_(False)
        super().train(False)
        for module in self.modules():
            if module is not self:
                vars(module)["train"] = partial(_stay, module)
        self._built = fingerprint_module(self)
        self._was_used = False

    @property
    def features(self) -> FeatureSpec:
        """Shape of what the encoder gives."""
        with self._running("reading its encoder's features"):
            spec: FeatureSpec = self.encoder.features
        return spec

    @property
    def fingerprint(self) -> str:
        """The encoder's own fingerprint."""
        with self._running("reading its encoder's fingerprint"):
            return str(self.encoder.fingerprint)

    def train(self, mode: bool = True) -> FrozenEncoder:
        """Stay in evaluation mode: dropout and batch statistics would change the features."""
        return self

    def collate(self, inputs: Any) -> Batch:
        """Join prepared windows into one batch."""
        with self._running("collate", kind=FailedInput):
            return self.encoder.collate(inputs)

    @property
    def device(self) -> torch.device:
        """Where its weights are; the CPU where it has none."""
        weights = chain(self.parameters(), self.buffers())
        return next((tensor.device for tensor in weights), torch.device("cpu"))

    @property
    def precision(self) -> str:
        """What it computes in: bfloat16 on a GPU, where torch's autocast finds that safe."""
        return "bfloat16" if self.device.type == "cuda" else "float32"

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) float32 and mask (B, N) bool on the CPU, without gradients.

        On a GPU the encoder computes in bfloat16 where torch's autocast finds that safe. Raises
        `PluginError` where the first use changed a weight or buffer.
        """
        device = self.device
        short = self.precision == "bfloat16"
        autocast = torch.autocast("cuda", torch.bfloat16) if short else nullcontext()
        placed = move(batch, device)
        with self._running("encoding", kind=FailedInput):
            with torch.inference_mode(), autocast:
                tokens, mask = self.encoder(placed)
            given = tokens.float().cpu().clone(), mask.bool().cpu().clone()
        if not self._was_used:
            self.prove()
            self._was_used = True
        return given

    def _running(
        self, doing: str, *, kind: type[SpanerError] = PluginError
    ) -> AbstractContextManager[None]:
        return nullcontext() if self.code is None else self.code.running(doing, kind=kind)

    def prove(self) -> None:
        """Raise `PluginError` unless every weight and buffer is as it was when it was built.

        Call it before anything is written that the encoder gave. It costs 40 ms for 22 million
        weights: too much for each call.
        """
        if fingerprint_module(self) != self._built:
            raise PluginError(
                f"the encoder {type(self.encoder).__name__} changed its own weights or buffers "
                "while it was used; a frozen encoder must not. Report it to the plugin's author"
            )


def _stay(module: nn.Module, mode: bool = True) -> nn.Module:
    return module
