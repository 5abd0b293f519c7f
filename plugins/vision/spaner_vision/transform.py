"""Turns a picture file into what the encoder takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from spaner_core import Part, Source, fingerprint_options
from torch import Tensor

from spaner_vision.limits import MOST_PAGES, MOST_UNEVEN, Limits
from spaner_vision.options import HogOptions
from spaner_vision.parts import cover, picture_parts
from spaner_vision.reading import Pages, check_pages, read_pages, take_pages

ALGORITHM_VERSION = 1
"""Raised whenever the same file would give other pixels."""

_HOG_LIMITS = Limits(pages=1, unevenness=math.inf)
_TIMM_LIMITS = Limits(pages=MOST_PAGES, unevenness=MOST_UNEVEN)


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
        """Return copies of the pages, a cell filled with its page's mean colour."""
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
