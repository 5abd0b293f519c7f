"""Tokens look at the shared prompt before they are read."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

GATE_START = 0.1


class TokenAttention(nn.Module):
    """Gated cross-attention: queries are a modality's tokens, keys and values the anchors."""

    def __init__(self, token_dim: int, prompt_dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(token_dim, prompt_dim, bias=False)
        self.key = nn.Linear(prompt_dim, prompt_dim, bias=False)
        self.value = nn.Linear(prompt_dim, token_dim, bias=False)
        self.gate = nn.Parameter(torch.tensor(GATE_START))

    def forward(self, features: Tensor, mask: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) moved by the anchors (C, D), and the weights (B, N, C).

        Tokens are brought to unit length for the comparison and the shift is scaled back by their
        own length, so that the encoder's units do not matter. Padding stays zero.
        """
        length = features.norm(dim=-1, keepdim=True)  # (B, N, 1)
        query = self.query(functional.normalize(features, dim=-1)) * math.sqrt(features.shape[-1])
        logits = query @ self.key(anchors).T / math.sqrt(anchors.shape[-1])
        weights = logits.softmax(dim=-1)
        shift = functional.normalize(weights @ self.value(anchors), dim=-1) * length
        return (features + self.gate * shift) * mask.unsqueeze(-1), weights
