"""Encodes windows of text with any model that transformers knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from spaner_core import ConfigError, FeatureSpec, fingerprint_model
from spaner_core.pretrained.transformers_models import describe_config, load_transformers_model
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from spaner_text.encoders.pooling import FirstDimensions, Pooling, load_layers
from spaner_text.encoders.sentence_folder import SentenceLayout, read_layout
from spaner_text.encoders.tokens import PROBE, load_tokens
from spaner_text.options import TransformerOptions

ALGORITHM_VERSION = 1
"""Raised whenever the same ids would give other features."""


class TransformerEncoder:
    """Gives one token a window: the embedding that the model itself makes of a text.

    A sentence-transformers folder says how its tokens become one embedding, dense layers and
    normalisation included, and how much of it counts; other models do not, and their tokens are
    averaged. `tokens` is the model's own tokenizer. Raises `ConfigError` where the model cannot be
    loaded or used.
    """

    def __init__(self, options: TransformerOptions) -> None:
        model, layout = options.model, read_layout(options.model)
        if layout.folder:
            model = f"{model}/{layout.folder}"
        loaded = load_transformers_model(
            model, adapter=options.adapter, trust_remote_code=options.trust_remote_code
        )
        described = describe_config(loaded)
        self.transformer = _encoder_of(loaded)
        self.pooling = Pooling(layout.poolings)
        with torch.random.fork_rng(devices=[]):  # layers are drawn before their weights are read
            self.layers = load_layers(options.model, layout)
        self.tokens = load_tokens(model, self.transformer, options, layout=layout)
        width = self._find_width(options.model)
        kept = min(width, layout.truncate_dim or width)
        if kept < width:
            self.layers.append(FirstDimensions(kept))
        self.features = FeatureSpec(dim=kept, prefix_tokens=1)
        self.fingerprint = fingerprint_model(
            "text/transformer",
            ALGORITHM_VERSION,
            nn.ModuleDict({"transformer": self.transformer, "layers": self.layers}),
            settings={"config": described, "head": _describe_head(layout, cut=kept < width)},
        )

    def collate(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Join windows of ids (n,) int64 into ids (B, n) and mask (B, n), True where one is real.

        Padding stands behind: there it changes no token before it, whatever the model.
        """
        real = [torch.ones(len(ids), dtype=torch.bool) for ids in inputs]
        return {
            "ids": pad_sequence(list(inputs), batch_first=True, padding_value=self.tokens.pad),
            "mask": pad_sequence(real, batch_first=True),
        }

    def __call__(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return one token a window, (B, 1, E), and mask (B, 1)."""
        mask = batch["mask"]
        given = self.transformer(input_ids=batch["ids"], attention_mask=mask.long())
        pooled = self.pooling(given.last_hidden_state.float(), mask)
        return self.layers(pooled).unsqueeze(1), mask[:, :1]

    def _find_width(self, model: str) -> int:
        """Return E, found by trying: models have many names for it, and dense layers change it."""
        try:
            with torch.inference_mode():
                tokens, _ = self(self.collate([torch.tensor(self.tokens.windows(PROBE)[0])]))
        except Exception as error:  # what a model of another kind raises is anything
            raise ConfigError(
                f"model {model!r} is a {type(self.transformer).__name__} that makes no tokens of a "
                f"text ({' '.join(str(error).split())[:200]}); expected a model of text; name one"
            ) from error
        return int(tokens.shape[-1])


def _encoder_of(loaded: Any) -> Any:
    """Return the encoder of an encoder-decoder model; other models are encoders themselves."""
    whole = loaded.get_base_model() if hasattr(loaded, "get_base_model") else loaded
    encoder = whole.encoder if hasattr(whole, "encoder") and hasattr(whole, "decoder") else loaded
    encoder.config.use_cache = False  # what has been read once is not read on
    return encoder


def _describe_head(layout: SentenceLayout, *, cut: bool) -> dict[str, Any]:
    layers = [layer if isinstance(layer, str) else layer.activation for layer in layout.layers]
    described = {"poolings": layout.poolings, "layers": layers}
    return {**described, "truncate_dim": layout.truncate_dim} if cut else described
