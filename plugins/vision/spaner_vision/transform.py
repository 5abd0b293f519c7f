"""Turns a picture file, whole or without parts, into encoder inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageStat
from spaner_core import Part, Source, fingerprint_options
from torch import Tensor

from spaner_vision.options import HogOptions
from spaner_vision.reading.limits import MOST_PAGES, MOST_UNEVEN, Limits
from spaner_vision.reading.pages import Pages, check_pages, read_pages, take_pages

ALGORITHM_VERSION = 1
"""Raised whenever the same file would give other pixels."""

_HOG_LIMITS = Limits(pages=1, unevenness=math.inf)
_TIMM_LIMITS = Limits(pages=MOST_PAGES, unevenness=MOST_UNEVEN)

GRID = 4
"""Cells along each side of a page, fewer where it has fewer pixels."""

MOST_CELLS = 64
"""Parts of a sample; with more pages than have that many cells, each page is a part."""


class ImageTransform:
    """Reads pictures and documents; every page becomes one encoder input.

    `prepare_page` makes it of an RGB picture, `fingerprint` stands for how.
    """

    def __init__(
        self, prepare_page: Callable[[Image.Image], Tensor], *, fingerprint: str, limits: Limits
    ) -> None:
        self._prepare_page = prepare_page
        self._limits = limits
        self.fingerprint = fingerprint

    def check_header(self, source: Source) -> None:
        """Raise `UnusableInput` where header, size or pages show that it cannot be used."""
        check_pages(source, self._limits)

    def decode(self, source: Source) -> Pages:
        """Read one input upright and in RGB. Raises `UnusableInput`."""
        return read_pages(source, self._limits)

    def take(self, value: object) -> Pages | None:
        """Take a PIL image or an array (H, W) or (H, W, 3) uint8. Raises `UnusableInput`."""
        return take_pages(value, self._limits)

    def parts(self, sample: Pages) -> list[Part]:
        """Return the cells of a grid over each page."""
        return picture_parts(sample)

    def without(self, sample: Pages, part: Part) -> Pages:
        """Return copies of the pages, a cell filled with its page's median colour."""
        return cover(sample, part.place)

    def prepare(self, sample: Pages) -> list[Tensor]:
        """Give one encoder input a page."""
        return [self._prepare_page(page) for page in sample]


def hog_transform(options: HogOptions) -> ImageTransform:
    """Build what gives a grey square (H, W) in [0, 1], resized whatever the proportions."""
    size = (options.image_size, options.image_size)

    def prepare_page(page: Image.Image) -> Tensor:
        grey = page.convert("L").resize(size, Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(grey)).float() / 255

    fingerprint = fingerprint_options("vision/image", ALGORITHM_VERSION, options)
    return ImageTransform(prepare_page, fingerprint=fingerprint, limits=_HOG_LIMITS)


@dataclass(frozen=True, kw_only=True)
class _Preparation:
    data_config: Mapping[str, Any]


def timm_transform(data_config: Mapping[str, Any]) -> ImageTransform:
    """Build timm's own preparation for a model, (C, H, W), from timm's own data configuration."""
    from timm.data.transforms_factory import create_transform

    apply: Any = create_transform(**data_config, is_training=False)
    mode = "L" if data_config["input_size"][0] == 1 else "RGB"

    def prepare_page(page: Image.Image) -> Tensor:
        tensor: Tensor = apply(page.convert(mode))
        return tensor

    options = _Preparation(data_config=dict(data_config))
    fingerprint = fingerprint_options("vision/timm-image", ALGORITHM_VERSION, options)
    return ImageTransform(prepare_page, fingerprint=fingerprint, limits=_TIMM_LIMITS)


class Place(NamedTuple):
    """A box of a page: its number from 0, and its borders in pixels."""

    page: int
    left: int
    upper: int
    right: int
    lower: int


def picture_parts(pages: Pages) -> list[Part]:
    """Return the cells of all pages, row by row; the pages where these are many."""
    if len(pages) * GRID**2 > MOST_CELLS:
        return [
            Part(f"page {number + 1} of {len(pages)}", Place(number, 0, 0, *page.size))
            for number, page in enumerate(pages)
        ]
    return [part for number in range(len(pages)) for part in _cells(pages, number)]


def cover(pages: Pages, place: Place) -> Pages:
    """Return copies of the pages with a box of one filled with that page's median colour.

    Where the ground is plain, that is its colour: no edges are drawn that were not there.
    """
    page = pages[place.page].copy()
    page.paste(tuple(ImageStat.Stat(page).median), place[1:])
    return (*pages[: place.page], page, *pages[place.page + 1 :])


def _cells(pages: Pages, number: int) -> list[Part]:
    width, height = pages[number].size
    columns, rows = min(GRID, width), min(GRID, height)
    page = f"page {number + 1}, " if len(pages) > 1 else ""
    return [
        Part(
            f"{page}row {row + 1} of {rows}, column {column + 1} of {columns}",
            Place(
                number,
                *(column * width // columns, row * height // rows),
                *((column + 1) * width // columns, (row + 1) * height // rows),
            ),
        )
        for row in range(rows)
        for column in range(columns)
    ]
