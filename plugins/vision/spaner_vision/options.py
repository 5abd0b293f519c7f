"""What a user may set under `modalities: vision: encoder:`."""

from __future__ import annotations

from dataclasses import dataclass

MODELS = ("hog",)

CELL_PIXELS = 8
"""Side of a cell; an image is cut into cells of this size."""

BLOCK_CELLS = 2
"""Side of a block of cells; each block is normalised by itself and is one token."""


@dataclass(frozen=True, kw_only=True)
class EncoderOptions:
    """Options of the image encoder.

    `model` names the encoder. `hog` resizes an image to a square of `image_size` pixels, whatever
    its proportions, and gives histograms of `orientations` gradient directions.
    """

    model: str = "hog"
    image_size: int = 32
    orientations: int = 9

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model is {self.model!r}; known: {', '.join(MODELS)}; choose one")
        smallest = CELL_PIXELS * BLOCK_CELLS
        if self.image_size < smallest or self.image_size % CELL_PIXELS:
            raise ValueError(
                f"image_size is {self.image_size}; expected a multiple of {CELL_PIXELS} from "
                f"{smallest}; 32 is usual"
            )
        if self.orientations < 2:
            raise ValueError(
                f"orientations is {self.orientations}; expected a whole number from 2; 9 is usual"
            )
