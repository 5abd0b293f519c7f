"""A whole modality plugin: series of numbers written as text, e.g. "1 0 2; 0 1 1 | 3 0 0".

Numbers with blanks make a token, tokens with ";" a window, windows with "|" a sample. It uses
the root of `spaner_core` alone, and is what an author may start from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from spaner_core import (
    Aligner,
    AlignerOptions,
    CrossAttentionAligner,
    FeatureSpec,
    MeanTokens,
    Modality,
    UnusableInput,
    fingerprint_options,
    hookimpl,
    read_options,
)
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ToyOptions:
    width: int = 3


class ToyEncoder:
    def __init__(self, options: ToyOptions) -> None:
        self.features = FeatureSpec(dim=options.width)
        self.fingerprint = fingerprint_options("toy", 1, options)

    def collate(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return list(inputs)

    def __call__(self, batch: list[Tensor]) -> tuple[Tensor, Tensor]:
        tokens = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)  # (B, N, E)
        lengths = torch.tensor([len(window) for window in batch])
        return tokens, torch.arange(tokens.shape[1]) < lengths.unsqueeze(1)


class ToyTransform:
    def __init__(self, options: ToyOptions) -> None:
        self.width = options.width
        self.fingerprint = fingerprint_options("toy-reading", 1, options)

    def decode(self, source: Path | str) -> str:
        return source.read_text(encoding="utf-8") if isinstance(source, Path) else source

    def prepare(self, sample: str) -> list[Tensor]:
        try:
            windows = [[t.split() for t in window.split(";")] for window in sample.split("|")]
            tensors = [torch.tensor([[float(x) for x in t] for t in w]) for w in windows]
        except ValueError as error:
            raise UnusableInput(f"{error}; write numbers") from error
        if any(tensor.shape[-1] != self.width for tensor in tensors):
            raise UnusableInput(f"a token has not {self.width} numbers; write as many in each")
        return tensors


@hookimpl
def spaner_modality() -> Modality:
    return Modality(name="toy", summary="numbers", suffixes=(".toy",), inline=True)


@hookimpl
def spaner_build_encoder(options: Mapping[str, object]) -> ToyEncoder:
    return ToyEncoder(read_options(ToyOptions, options))


@hookimpl
def spaner_build_transform(options: Mapping[str, object]) -> ToyTransform:
    return ToyTransform(read_options(ToyOptions, options))


@hookimpl
def spaner_build_aligner(
    features: FeatureSpec, prompt_dim: int, options: Mapping[str, object]
) -> Aligner:
    return CrossAttentionAligner(
        MeanTokens(features),
        features=features,
        prompt_dim=prompt_dim,
        options=read_options(AlignerOptions, options),
    )
