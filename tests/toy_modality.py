"""A whole modality plugin: series of numbers written as text, e.g. "1 0 2; 0 1 1 | 3 0 0".

Numbers with blanks make a token, tokens with ";" a window, windows with "|" a sample. It uses the
root of `spaner_core` alone, imports what needs torch where it needs it, and is what an author may
start from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core import (
    Content,
    Examples,
    FeatureSpec,
    Modality,
    UnusableInput,
    hookimpl,
    read_options,
)

if TYPE_CHECKING:
    from torch import Tensor

Window = list[list[float]]


@dataclass(frozen=True, kw_only=True)
class ToyOptions:
    width: int = 3


class ToyEncoder:
    def __init__(self, options: ToyOptions) -> None:
        from spaner_core import fingerprint_options

        self.features = FeatureSpec(dim=options.width)
        self.fingerprint = fingerprint_options("toy", 1, options)

    def collate(self, inputs: Sequence[Window]) -> list[Window]:
        return list(inputs)

    def __call__(self, batch: list[Window]) -> tuple[Tensor, Tensor]:
        import torch

        tokens = torch.zeros(len(batch), max(map(len, batch)), self.features.dim)
        mask = torch.zeros(tokens.shape[:2], dtype=torch.bool)
        for row, window in enumerate(batch):
            tokens[row, : len(window)] = torch.as_tensor(window)
            mask[row, : len(window)] = True
        return tokens, mask


class ToyTransform:
    def __init__(self, options: ToyOptions) -> None:
        from spaner_core import fingerprint_options

        self.width = options.width
        self.fingerprint = fingerprint_options("toy-reading", 1, options)

    def decode(self, source: Path | str | Content) -> list[Window]:
        try:
            text = source if isinstance(source, str) else _bytes(source).decode("utf-8")
            windows = [[t.split() for t in window.split(";")] for window in text.split("|")]
            sample = [[[float(number) for number in token] for token in w] for w in windows]
        except (OSError, ValueError) as error:
            raise UnusableInput(f"{error}; expected numbers; write some") from error
        if any(len(token) != self.width for window in sample for token in window):
            raise UnusableInput(f"a token has not {self.width} numbers; write as many in each")
        return sample

    def prepare(self, sample: list[Window]) -> list[Window]:
        return sample


def _bytes(source: Path | Content) -> bytes:
    return source.read_bytes() if isinstance(source, Path) else source.data


@hookimpl
def spaner_modality() -> Modality:
    return Modality(name="toy", api_version=2, summary="numbers", suffixes=(".toy",), inline=True)


@hookimpl
def spaner_build_encoder(options: Mapping[str, object]) -> ToyEncoder:
    return ToyEncoder(read_options(ToyOptions, options))


@hookimpl
def spaner_build_transform(options: Mapping[str, object]) -> ToyTransform:
    return ToyTransform(read_options(ToyOptions, options))


@hookimpl
def spaner_examples(folder: Path) -> Examples:
    file = folder / "numbers.toy"
    file.write_text("0 3 1 | 2 2 2; 1 0 0", encoding="utf-8")
    inputs = ["4 0 1; 0 2 1; 3 1 0 | 1 1 5", file, "1 2 3"]
    return Examples(inputs=inputs, changing={"width": 2})
