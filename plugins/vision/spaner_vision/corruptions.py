"""Corrupts pictures: noise, blur, JPEG, occlusion.

Strengths are oriented on ImageNet-C (Hendrycks and Dietterich, 2019, arXiv 1903.12261), which
disturbs pictures of 224 x 224 pixels. Pictures here have any size and models see them reduced, so
that lengths are shares of a side: a strength means about the same in a thumbnail and a photograph.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image, ImageFilter
from spaner_core import UnusableInput, strength_of

if TYPE_CHECKING:
    from spaner_vision.reading.pages import Pages

NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)
"""Standard deviations, as shares of the range from black to white: those of ImageNet-C."""

BLUR = (0.008, 0.013, 0.02, 0.032, 0.05)
"""Standard deviations of the blur, as shares of the shorter side.

Of 224 pixels that is 2, 3, 4, 7 and 11. ImageNet-C has 1 to 6; small pictures, which have only
coarse detail to lose, need more.
"""

JPEG = (50, 25, 12, 6, 3)
"""Qualities on the encoder's scale of 1 to 95, each with steps twice as coarse as the one before.

ImageNet-C's 25 to 7 lie so close together that chance decides which disturbs features more.
"""

OCCLUSION = (0.05, 0.1, 0.2, 0.3, 0.4)
"""Shares of the area that are hidden.

ImageNet-C has no occlusion; Random Erasing (Zhong et al., 2017, arXiv 1708.04896) hides .02 to .4.
"""

GRAINS = 224
"""Most grains of noise along the shorter side: finer ones would vanish where models reduce it."""

GREY = (128, 128, 128)
"""The occluding rectangle's colour, half way between black and white."""

MOST_JPEG_SIDE = 65_500
"""Pixels of the longest side that the JPEG encoder takes."""


class Disturb(Protocol):
    """Disturbs one picture."""

    def __call__(
        self, page: Image.Image, strength: float, /, *, draw: np.random.Generator
    ) -> Image.Image:
        """Return a disturbed RGB copy of an RGB `page`, of the same size."""
        ...


@dataclass(frozen=True, kw_only=True)
class PageCorruption:
    """Disturbs every page of a sample, each by draws of its own.

    `strengths` are those of severities 1 to 5, in the unit of `disturb`.
    """

    name: str
    strengths: tuple[float, ...]
    disturb: Disturb

    def apply(self, sample: Pages, *, severity: int, seed: int) -> Pages:
        """Return disturbed copies of all pages, the same for the same `seed` (from 0).

        With one seed a higher severity disturbs more of the same. Raises `ValueError` where
        `severity` is not 1 to 5.
        """
        strength = strength_of(severity, self.strengths)
        draw = np.random.default_rng(seed)
        return tuple(self.disturb(page, strength, draw=draw) for page in sample)


def add_noise(page: Image.Image, deviation: float, *, draw: np.random.Generator) -> Image.Image:
    """Add Gaussian noise of this standard deviation, a share of the full range, to each channel.

    A grain is a pixel, or larger where more than `GRAINS` would lie along the shorter side.
    """
    reduced = min(1.0, GRAINS / min(page.size))
    rows, columns = (max(1, round(side * reduced)) for side in (page.height, page.width))
    grains = draw.normal(scale=255 * deviation, size=(rows, columns, 3)).round().astype(np.int16)
    row = np.arange(page.height) * rows // page.height  # the row of grains of each row of pixels
    column = np.arange(page.width) * columns // page.width
    noisy = np.asarray(page) + grains[row[:, None], column]  # (H, W, 3)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def blur(page: Image.Image, share: float, *, draw: np.random.Generator) -> Image.Image:
    """Blur by a Gaussian whose standard deviation is this share of the shorter side."""
    return page.filter(ImageFilter.GaussianBlur(share * min(page.size)))


def compress(page: Image.Image, quality: float, *, draw: np.random.Generator) -> Image.Image:
    """Store as JPEG of this quality, and read again.

    Raises `UnusableInput` where a side is longer than JPEG can hold.
    """
    if max(page.size) > MOST_JPEG_SIDE:
        raise UnusableInput(
            f"the picture has {page.width} x {page.height} pixels; expected at most "
            f"{MOST_JPEG_SIDE:,} a side to store it as JPEG; scale it down or cut it"
        )
    file = io.BytesIO()
    page.save(file, format="JPEG", quality=round(quality), comment=b"")  # a GIF's may be too long
    return Image.open(file, formats=["JPEG"]).convert("RGB")


def occlude(page: Image.Image, share: float, *, draw: np.random.Generator) -> Image.Image:
    """Hide this share of the area, one pixel at least, behind a grey rectangle somewhere.

    It has the picture's proportions, as far as whole pixels allow.
    """
    shorter = max(1, round(min(page.size) * math.sqrt(share)))
    longer = max(1, round(share * page.width * page.height / shorter))
    width, height = (shorter, longer) if page.width <= page.height else (longer, shorter)
    left = int(draw.random() * (page.width - width + 1))
    top = int(draw.random() * (page.height - height + 1))
    occluded = page.copy()
    occluded.paste(GREY, (left, top, left + width, top + height))
    return occluded


CORRUPTIONS: Sequence[PageCorruption] = (
    PageCorruption(name="noise", strengths=NOISE, disturb=add_noise),
    PageCorruption(name="blur", strengths=BLUR, disturb=blur),
    PageCorruption(name="jpeg", strengths=JPEG, disturb=compress),
    PageCorruption(name="occlusion", strengths=OCCLUSION, disturb=occlude),
)
"""All that the plugin offers, whatever the model."""
