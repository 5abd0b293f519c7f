"""Encodes images with a timm model: its tokens, in their places, unpooled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from spaner_core import ConfigError, FeatureSpec, fingerprint_model
from timm.data.config import resolve_model_data_config
from torch import Tensor

from spaner_vision.encoders.timm_models import describe_timm_model, load_timm_model
from spaner_vision.options import TimmOptions

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


def as_tokens(features: Tensor, model: Any) -> Tensor:
    """Turn maps (B, E, H, W), or (B, H, W, E) where the model says so, into tokens (B, N, E)."""
    from timm.layers.format import Format, nchw_to, nhwc_to

    if features.ndim == 3:
        return features
    to_tokens = nhwc_to if _is_channels_last(model) else nchw_to
    tokens: Tensor = to_tokens(features, Format.NLC)
    return tokens


def read_layout(model: Any, input_size: tuple[int, int, int]) -> FeatureSpec:
    """Run `model` once on an empty picture (C, H, W) and read what it gives for one page.

    A document of n pages gives n times as many tokens, so their number is left open; `grid` and
    `prefix_tokens` are those of each page. Raises `ConfigError` where the model gives no tokens.
    """
    name = model.pretrained_cfg["architecture"]
    try:
        with torch.inference_mode():
            features = model.forward_features(torch.zeros(1, *input_size))
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"model {name} does not take pictures of {input_size} "
            f"({' '.join(str(error).split())[:300]}); expected it to take what its own data "
            "configuration says; correct input_size in its config.json, or name another model"
        ) from error
    if not isinstance(features, Tensor) or features.ndim not in (3, 4):
        shape = tuple(getattr(features, "shape", ())) or f"a {type(features).__name__}"
        raise ConfigError(
            f"model {name} gives {shape} as features; expected tokens (B, N, E) or maps "
            "(B, E, H, W); name another model"
        )
    dim = as_tokens(features, model).shape[2]
    if features.ndim == 4:
        rows_first = 1 if _is_channels_last(model) else 2
        return FeatureSpec(dim=dim, grid=tuple(features.shape[rows_first : rows_first + 2]))
    prefix, grid = _places(model, features.shape[1], size=input_size[1:])
    return FeatureSpec(dim=dim, grid=grid, prefix_tokens=prefix)


def _is_channels_last(model: Any) -> bool:
    return str(getattr(model, "output_fmt", "NCHW")).endswith("NHWC")


def _places(model: Any, count: int, *, size: tuple[int, int]) -> tuple[int, tuple[int, ...]]:
    """Return how many of `count` tokens are prefix tokens, and the layout of the others.

    Models that do not say have one prefix token, or none, as the grid's proportions show.
    """
    declared = getattr(model, "num_prefix_tokens", None)
    for prefix in (0, 1) if declared is None else (declared,):
        grid = _grid(count - prefix, size)
        if grid is not None:
            return prefix, grid
    prefix = declared or 0
    return prefix, (count - prefix,)


def _grid(count: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """Return rows and columns of `count` tokens, if they fit a picture of height and width."""
    height, width = size
    rows = round((count * height / width) ** 0.5)
    if rows < 1 or count % rows:
        return None
    columns = count // rows
    fits = abs(rows * width - columns * height) < max(size)  # within a row or column
    return (rows, columns) if fits else None
