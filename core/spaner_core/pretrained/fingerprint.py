"""Computes fingerprints: SHA-256 of everything that decides an output."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def fingerprint_options(name: str, version: int, options: DataclassInstance) -> str:
    """Fingerprint an algorithm without trained weights.

    `version` is raised whenever the algorithm's output changes; `options` holds only what
    changes the output. Raises `TypeError` where `options` is no dataclass of values.
    """
    if not dataclasses.is_dataclass(options) or isinstance(options, type):
        raise TypeError(
            f"fingerprint_options got options that are a {type(options).__name__}; expected your "
            "options dataclass; pass what read_options gave"
        )
    described = {"name": name, "version": version, "options": dataclasses.asdict(options)}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def fingerprint_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Fingerprint named tensors: names, dtypes, shapes and bytes, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        # reshape before view: a zero-dimensional tensor has no last axis to reinterpret
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def fingerprint_module(module: nn.Module) -> str:
    """Fingerprint a module's parameters and buffers, those that it does not save included."""
    return fingerprint_tensors({**dict(module.named_buffers()), **module.state_dict()})


def fingerprint_model(
    name: str, version: int, module: nn.Module, *, settings: Mapping[str, Any]
) -> str:
    """Fingerprint an encoder that has weights.

    `name` and `version` are those of the code around the model, `settings` all that decides the
    output besides its weights: the model's configuration, options. They must be JSON values, and
    never say where the model came from: a copy in another folder is the same encoder.
    """
    described = {"name": name, "version": version, "settings": settings}
    text = json.dumps(described, sort_keys=True, default=str)
    weights = fingerprint_module(module)
    return hashlib.sha256(f"{text}|{weights}".encode()).hexdigest()
