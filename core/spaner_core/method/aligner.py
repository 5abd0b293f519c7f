"""Takes a frozen encoder's tokens to the shared space, by cross-attention.

    tokens (B, N, E) ─ read ─ centre, scale, unit length ─▶ p̂ (B, P)
    √P·p̂ ─ linear + MLP ─▶ h (B, D), the direction that the modality itself gives
    softmax(beta·h Aᵀ + gamma·p̂ Mᵀ) = w (B, C)        over the shared prompt A (C, D)
    embedding z = normalize((1 − strength)·h + strength·w A)

Where modalities share items, h moves towards the places of these, `item_gain`·normalize(p̂ K + b),
after training: w is that of the trained h.

With `token_attention` tokens attend to the anchors, gated, before they are read for h; the term
with M, the class means, reads them as the encoder gave them.

This is a reading of SPANER (Ng, Han, Holden, arXiv 2508.13387), whose abstract and first figure
leave the details open; each choice is an option, and the formulas are in docs/method.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from spaner_core.contract.modality import Alignment, FeatureSpec, Reader, RowBatches
from spaner_core.contract.options import read_options
from spaner_core.method.item_maps import ItemMap
from spaner_core.method.readers import OwnReader, build_reader
from spaner_core.method.statistics import ConceptMeans, ConceptSums, Moments

MOST_HIDDEN = 2**16

SCALE_FLOOR = 0.1
"""Added to each feature's standard deviation, so that nearly constant features stay small."""


@dataclass(frozen=True, kw_only=True)
class AlignerOptions:
    """What a user may set under `aligner:`.

    `dropout` acts on the features while training, `hidden` is the MLP's width and
    `hidden_dropout` its dropout; `mean_sharpness` is how sharply a row is compared with its
    modality's own class means (0 leaves them out); `item_gain` is how much the closed-form map
    of items counts beside the trained direction (0 leaves it out); `token_attention` lets tokens
    attend to the anchors before they are read.
    """

    dropout: float = 0.4
    hidden: int = 256
    hidden_dropout: float = 0.1
    mean_sharpness: float = 20.0
    item_gain: float = 1.0
    token_attention: bool = False

    def __post_init__(self) -> None:
        for name in ("dropout", "hidden_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; give a number from 0 to below 1"
                )
        if not 1 <= self.hidden <= MOST_HIDDEN:
            raise ValueError(f"hidden is {self.hidden}; give a whole number, 1 to {MOST_HIDDEN}")
        for name in ("mean_sharpness", "item_gain"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; give 0 or more")


@dataclass(frozen=True, kw_only=True)
class _UsualOptions(AlignerOptions):
    """What `aligner:` takes where a plugin leaves the aligner to core: `reader` in addition."""

    reader: Mapping[str, object] = field(default_factory=dict)


def build_aligner(
    features: FeatureSpec,
    prompt_dim: int,
    options: Mapping[str, object],
    *,
    own_reader: OwnReader | None = None,
) -> CrossAttentionAligner:
    """Build the aligner of a modality that has none of its own, around its reader.

    Raises `OptionError`, and what `own_reader` raises.
    """
    chosen = read_options(_UsualOptions, options)
    reader = build_reader(features, chosen.reader, own=own_reader)
    return CrossAttentionAligner(reader, features=features, prompt_dim=prompt_dim, options=chosen)


class CrossAttentionAligner(nn.Module):
    """One modality's aligner, around a reader that keeps that modality's structure.

    What is read is divided by its standard deviation, feature by feature, but where the reader
    says that it `keeps_scale`.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        features: FeatureSpec,
        prompt_dim: int,
        options: AlignerOptions,
    ) -> None:
        super().__init__()
        if not isinstance(reader, nn.Module):
            raise TypeError(f"reader is a {type(reader).__name__}; it must be a torch.nn.Module")
        width, hidden = reader.width, options.hidden
        self.reader: Reader = reader
        self.attend = TokenAttention(features.dim, prompt_dim) if options.token_attention else None
        self.concept_means = ConceptMeans(width, sharpness=options.mean_sharpness)
        self.item_map, self.item_gain = ItemMap(width, prompt_dim), options.item_gain
        self.dropout = nn.Dropout(options.dropout)
        self.linear = nn.Linear(width, prompt_dim)
        widen, narrow = nn.Linear(width, hidden), nn.Linear(hidden, prompt_dim)
        self.mlp = nn.Sequential(widen, nn.GELU(), nn.Dropout(options.hidden_dropout), narrow)
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.centre: Tensor
        self.scale: Tensor
        # W, W1 ~ N(0, 1/P) and W2 ~ N(0, 0.25/hidden): the linear path leads at the start
        for layer, gain in ((self.linear, 1.0), (widen, 1.0), (narrow, 0.5)):
            nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.in_features))
            nn.init.zeros_(layer.bias)

    @property
    def concept_count(self) -> int:
        """How many concepts' class means it holds: as many as there were anchors."""
        return len(self.concept_means.support)

    def fit_statistics(self, rows: RowBatches, *, concept_count: int) -> None:
        """Set centre, scale and class means from training rows, a batch at a time."""
        self.reader.fit(rows)
        moments = Moments(self.reader.width)
        for features, mask, _ in rows:
            moments.add(self.reader(features, mask))
        self.centre = moments.mean.float()
        if not getattr(self.reader, "keeps_scale", False):
            self.scale = moments.deviation.float() + SCALE_FLOOR
        sums = ConceptSums(self.reader.width, concept_count=concept_count)
        for features, mask, concepts in rows:
            sums.add(self.read_unit(features, mask), concepts)
        self.concept_means.fit(sums)

    def read_unit(self, features: Tensor, mask: Tensor) -> Tensor:
        """Read features (B, N, E) with mask (B, N) as class means do: p̂ (B, P), of unit length."""
        return self._unit(self.reader(features, mask))

    def start_from(self, label_map: Tensor) -> None:
        """Start the linear map at `label_map` (P, D), scaled to the size of a drawn one."""
        size = math.sqrt(label_map.shape[1]) / label_map.norm()
        with torch.no_grad():
            self.linear.weight.copy_((label_map * size).T)

    def forward(
        self,
        features: Tensor,
        mask: Tensor,
        anchors: Tensor,
        *,
        beta: Tensor,
        strength: Tensor | float,
    ) -> Alignment:
        """Embed features (B, N, E) with mask (B, N) against anchors (C, D)."""
        unit = self.read_unit(features, mask)  # (B, P)
        point = unit
        if self.attend is not None:
            attended, _ = self.attend(features, mask, anchors)
            point = self.read_unit(attended, mask)
        point = self.dropout(point * math.sqrt(point.shape[-1]))
        direction = functional.normalize(self.linear(point) + self.mlp(point), dim=-1)  # (B, D)
        weights = (beta * direction @ anchors.T + self.concept_means(unit)).softmax(
            dim=-1
        )  # (B, C)
        direction = self.item_map(unit, direction, gain=self.item_gain)
        pull = strength if len(anchors) else 0.0  # no anchor, no pull
        pulled = (1 - pull) * direction + pull * (weights @ anchors)
        return Alignment(functional.normalize(pulled, dim=-1), direction, weights)

    def _unit(self, raw: Tensor) -> Tensor:
        return functional.normalize((raw - self.centre) / self.scale, dim=-1)


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
