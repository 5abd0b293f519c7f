"""Offers one modality of a space as sentence-transformers offers a model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spaner_core.errors import ConfigError
from spaner_core.space.records import Strength
from spaner_core.space.space import Space


class SpaceModality:
    """One modality of a space, with what sentence-transformers' evaluators call of a model.

    `InformationRetrievalEvaluator` takes one for the queries and, as `corpus_model`, another of
    the same space for what is searched; inputs are those of `Space.encode`.
    """

    similarity_fn_name = "cosine"

    def __init__(self, space: Space, modality: str, *, strength: Strength | None = None) -> None:
        self.space, self.modality, self.strength = space, modality, strength

    def __repr__(self) -> str:
        return f"SpaceModality({self.space!r}, {self.modality!r}, strength={self.strength!r})"

    def encode(
        self,
        inputs: Any,
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        truncate_dim: int | None = None,
        **how: Any,
    ) -> Any:
        """Embed inputs as `Space.encode` does, with its options.

        Raises `ConfigError` for a prompt before the inputs and for fewer dimensions: a space has
        neither.
        """
        asked = {"prompt": prompt, "prompt_name": prompt_name, "truncate_dim": truncate_dim}
        for name, value in asked.items():
            if value is not None:
                raise ConfigError(f"{name} is {value!r}; a space has no such thing: leave it out")
        how.setdefault("strength", self.strength)
        return self.space.encode(inputs, modality=self.modality, **how)

    def encode_query(self, inputs: Any, **how: Any) -> Any:
        """Embed what is looked for: as `encode`."""
        return self.encode(inputs, **how)

    def encode_document(self, inputs: Any, **how: Any) -> Any:
        """Embed what is searched: as `encode`."""
        return self.encode(inputs, **how)

    def similarity(self, first: Any, second: Any) -> Tensor:
        """Return the cosine of every row of `first` (n, D) with every one of `second`, (n, m)."""
        return torch.from_numpy(self.space.similarity(first, second))

    @property
    def model_card_data(self) -> SpaceModality:
        """Takes figures for a model's card."""
        return self

    def set_evaluation_metrics(self, *figures: Any) -> None:
        """Keep none of the figures: a space has no such card."""
