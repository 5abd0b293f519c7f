"""Encodes images as `hog`: histograms of oriented gradients (Dalal, Triggs 2005).

It sees outlines and no meaning, which is enough for digits, signs and silhouettes. It has no
weights, so there is nothing in it that could be fitted.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from skimage.feature import hog
from spaner_core import FeatureSpec, fingerprint_options
from torch import Tensor

from spaner_vision.options import BLOCK_CELLS, CELL_PIXELS, HogOptions

ALGORITHM_VERSION = 1
"""Raised whenever the same image would give other features."""


class HogEncoder:
    """One token a block of 2x2 cells of 8x8 pixels; blocks overlap by a cell."""

    def __init__(self, options: HogOptions) -> None:
        side = options.image_size // CELL_PIXELS - BLOCK_CELLS + 1
        self._orientations = options.orientations
        self.features = FeatureSpec(
            dim=BLOCK_CELLS**2 * options.orientations, tokens=side**2, grid=(side, side)
        )
        self.fingerprint = fingerprint_options("vision/hog", ALGORITHM_VERSION, options)

    def collate(self, inputs: Sequence[Tensor]) -> Tensor:
        """Join grey images (H, W) into (B, H, W)."""
        return torch.stack(list(inputs))

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) and mask (B, N) for grey images (B, H, W) in [0, 1]."""
        tokens = torch.stack([self._describe(image) for image in batch])
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool)

    def _describe(self, image: Tensor) -> Tensor:
        blocks = hog(
            image.double().cpu().numpy(),
            orientations=self._orientations,
            pixels_per_cell=(CELL_PIXELS, CELL_PIXELS),
            cells_per_block=(BLOCK_CELLS, BLOCK_CELLS),
            feature_vector=False,
        )  # (rows, columns, cell rows, cell columns, orientations)
        return torch.from_numpy(blocks).float().reshape(-1, self.features.dim)  # (N, E)
