"""Defines the options under `modalities: vision: encoder:`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spaner_core import read_options
from spaner_core.pretrained.locations import is_local

HOG = "hog"

CELL_PIXELS = 8
"""Side of a cell; an image is cut into cells of this size."""

BLOCK_CELLS = 2
"""Side of a block of cells; each block is normalised by itself and is one token."""

MOST_ORIENTATIONS = 360
"""One a degree."""

MOST_NUMBERS = 2**24
"""Most numbers that describe a picture, 64 MiB."""

HUB = ("hf-hub:", "hf_hub:")
"""How timm tells a repository on the Hub from a name of its own."""


@dataclass(frozen=True, kw_only=True)
class HogOptions:
    """Options of the encoder `hog`, which needs no weights.

    It resizes an image to a square of `image_size` pixels, whatever its proportions, and gives
    histograms of `orientations` gradient directions.
    """

    model: str = HOG
    image_size: int = 32
    orientations: int = 9

    def __post_init__(self) -> None:
        smallest = CELL_PIXELS * BLOCK_CELLS
        if self.image_size < smallest or self.image_size % CELL_PIXELS:
            raise ValueError(
                f"image_size is {self.image_size}; expected a multiple of {CELL_PIXELS} from "
                f"{smallest}; 32 is usual"
            )
        if not 2 <= self.orientations <= MOST_ORIENTATIONS:
            raise ValueError(
                f"orientations is {self.orientations}; expected 2 to {MOST_ORIENTATIONS}; 9 is "
                "usual"
            )
        blocks = (self.image_size // CELL_PIXELS - BLOCK_CELLS + 1) ** 2
        if (numbers := blocks * BLOCK_CELLS**2 * self.orientations) > MOST_NUMBERS:
            raise ValueError(
                f"image_size is {self.image_size} and orientations {self.orientations}: {numbers} "
                f"numbers a picture; expected at most {MOST_NUMBERS}; 32 and 9 are usual"
            )


@dataclass(frozen=True, kw_only=True)
class TimmOptions:
    """Options of every model of timm.

    `model` is a name that timm knows, `hf-hub:owner/name`, or a folder. `checkpoint` is a file of
    weights for a name that timm knows, in place of those that timm would fetch. `adapter` is a peft
    adapter, a folder or a name on the Hub.
    """

    model: str
    checkpoint: str | None = None
    adapter: str | None = None

    def __post_init__(self) -> None:
        if self.checkpoint is None:
            return
        if is_local(self.model) or self.model.startswith(HUB):
            raise ValueError(
                f"checkpoint is {self.checkpoint!r} and model {self.model!r}, which has weights of "
                "its own; expected a name that timm knows beside a checkpoint; leave one out"
            )
        if not is_local(self.checkpoint):
            raise ValueError(
                f"checkpoint is {self.checkpoint!r}; expected a file's path that begins with ./ or "
                f"/; write ./{self.checkpoint}"
            )


def read_encoder_options(options: Mapping[str, object]) -> HogOptions | TimmOptions:
    """Read the options of the model that they name. Raises `OptionError`."""
    if options.get("model", HOG) == HOG:
        return read_options(HogOptions, options)
    return read_options(TimmOptions, options)
