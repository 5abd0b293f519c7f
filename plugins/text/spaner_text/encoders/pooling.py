"""Pools a transformer's tokens to one embedding per window."""

from __future__ import annotations

from collections.abc import Callable

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from spaner_core import ConfigError
from spaner_core.pretrained.locations import fetching, model_file
from torch import Tensor, nn
from torch.nn import functional

from spaner_text.encoders.sentence_folder import DenseLayer, SentenceLayout

ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "SiLU", "Sigmoid")
"""Classes of `torch.nn` that a dense layer may end in."""


class Pooling(nn.Module):
    """Pools real tokens in one or several ways, side by side; padding stands behind them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.ways = [_WAYS[name] for name in names]

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return (B, ways·E) from tokens (B, N, E) and mask (B, N) bool."""
        return torch.cat([way(tokens, mask) for way in self.ways], dim=-1)


def _first(tokens: Tensor, mask: Tensor) -> Tensor:
    return tokens[:, 0]


def _last(tokens: Tensor, mask: Tensor) -> Tensor:
    rows = torch.arange(len(tokens), device=tokens.device)
    return tokens[rows, mask.sum(dim=1) - 1]


def _max(tokens: Tensor, mask: Tensor) -> Tensor:
    return tokens.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(dim=1)


def _weighted_sum(tokens: Tensor, weights: Tensor) -> Tensor:
    return torch.einsum("bne,bn->be", tokens, weights)


def _mean(tokens: Tensor, mask: Tensor) -> Tensor:
    weights = mask.to(tokens.dtype)
    return _weighted_sum(tokens, weights) / weights.sum(dim=1, keepdim=True)


def _mean_by_root(tokens: Tensor, mask: Tensor) -> Tensor:
    weights = mask.to(tokens.dtype)
    return _weighted_sum(tokens, weights) / weights.sum(dim=1, keepdim=True).sqrt()


def _mean_by_place(tokens: Tensor, mask: Tensor) -> Tensor:
    """Weigh the n-th token by n: for models whose later tokens have seen the earlier ones."""
    weights = mask.to(tokens.dtype).cumsum(dim=1) * mask
    return _weighted_sum(tokens, weights) / weights.sum(dim=1, keepdim=True)


_WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cls": _first,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_by_root,
    "weightedmean": _mean_by_place,
    "lasttoken": _last,
}


class UnitLength(nn.Module):
    """Brings embeddings to unit length."""

    def forward(self, embedding: Tensor) -> Tensor:
        """Return (B, E), rows of unit length."""
        return functional.normalize(embedding, dim=-1)


class FirstDimensions(nn.Module):
    """Keeps the first numbers of an embedding, for models whose first ones say most."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, embedding: Tensor) -> Tensor:
        """Return (B, count) from (B, E)."""
        return embedding[:, : self.count]


def load_layers(model: str, layout: SentenceLayout) -> nn.Sequential:
    """Load what stands behind the pooling: dense layers and normalisations.

    Raises `ConfigError` where a dense layer's weights or activation are not to be had.
    """
    return nn.Sequential(
        *(
            UnitLength() if layer == "normalize" else _load_dense(model, layer)
            for layer in layout.layers
        )
    )


def _load_dense(model: str, layer: DenseLayer) -> nn.Module:
    if layer.activation not in ACTIVATIONS:
        raise ConfigError(
            f"model {model!r}: {layer.folder} ends in an activation that is not known here; "
            f"expected one of {', '.join(ACTIVATIONS)}; name another model"
        )
    file = f"{layer.folder}/model.safetensors"
    with fetching(model, files=file):
        path = model_file(model, file)
    if path is None:
        raise ConfigError(
            f"model {model!r} has no {file}; expected the layer's weights as safetensors; save the "
            "model again with a sentence-transformers that writes them"
        )
    try:
        weights = load_file(path)
        matrix = weights["linear.weight"]
        linear = nn.Linear(matrix.shape[1], matrix.shape[0], bias="linear.bias" in weights)
        linear.load_state_dict({key.removeprefix("linear."): v for key, v in weights.items()})
    except (SafetensorError, KeyError, IndexError, RuntimeError) as error:
        raise ConfigError(
            f"model {model!r}: {file} holds no dense layer ({' '.join(str(error).split())}); "
            "expected linear.weight and perhaps linear.bias; get the file again"
        ) from error
    activation: nn.Module = getattr(nn, layer.activation)()
    return nn.Sequential(linear, activation)
