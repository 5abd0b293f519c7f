"""Stops a training whose numbers are not finite, and keeps the batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from spaner_core.errors import ConfigError
from spaner_core.files.atomic import written_at_end
from spaner_core.recipe import TrainingRecipe

FAILED_BATCH = "failed-batch.safetensors"

Batch = Mapping[str, Mapping[str, Tensor]]
"""By modality: features (B, N, E), mask (B, N), concepts (B,) and items (B,)."""


def diverged(
    found: str, *, step: int, batch: Batch, training: TrainingRecipe, folder: Path | None
) -> ConfigError:
    """Keep the batch in `folder`, and return the error that says what was `found` at `step`."""
    return ConfigError(
        f"training stopped at step {step} of {training.steps}: {found}; expected finite "
        f"numbers; lower training.learning_rate, which is {training.learning_rate:g}, or look at "
        f"the features{_keep(batch, step, folder)}"
    )


def loss_found(loss: Tensor, embeddings: Mapping[str, Tensor]) -> str:
    """Say what a loss is, and which modalities' embeddings (B, D) spoilt it."""
    broken = not_finite(embeddings)
    which = f"embeddings of {broken} are not" if broken else "though all embeddings are"
    return f"the loss is {loss.detach().mean():g}, {which} finite"


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Name the modalities whose tensor holds NaN or infinity; empty where none does."""
    return _listed(name for name, tensor in tensors.items() if not tensor.isfinite().all())


def broken_weights(modules: Mapping[str, Any]) -> str:
    """Name the modules with weights that are not finite; empty where none has."""
    return _listed(
        name
        for name, module in modules.items()
        if not all(torch.isfinite(weight).all() for weight in module.parameters())
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _keep(batch: Batch, step: int, folder: Path | None) -> str:
    """Write the batch, and say where it is."""
    if folder is None:
        return ""
    path = folder / FAILED_BATCH
    tensors = {
        f"{name}.{part}": tensor.cpu().contiguous()
        for name, parts in batch.items()
        for part, tensor in parts.items()
    }
    try:
        with written_at_end(path) as partial:
            partial.write_bytes(save({**tensors, "step": torch.tensor(step)}))
    except OSError as error:
        return f" (the batch could not be kept: {error})"
    return f": {path} holds the batch"
