"""Takes pictures that people hold already: PIL images and NumPy arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from spaner_core import UnusableInput

from spaner_vision.reading.limits import Limits
from spaner_vision.reading.pictures import check_image, see

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""What arrays (H, W), (H, W, 3) and (H, W, 4) are."""


def take_picture(value: object, limits: Limits) -> Image.Image | None:
    """Return a picture upright and in RGB; None for what is no image and no array.

    Raises `UnusableInput` where size or pixels cannot be used, `Exception` as decoders do.
    """
    if isinstance(value, np.ndarray):
        value = _image_of(value)
    if not isinstance(value, Image.Image):
        return None
    check_image(value, limits)
    return see(value, name=getattr(value, "filename", "") or "the image")


def _image_of(array: NDArray[np.generic]) -> Image.Image:
    bands = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or bands not in _MODES or not array.size:
        raise UnusableInput(
            f"the array has shape {array.shape}; expected (height, width), or (height, width, 3) "
            "for RGB; turn its axes, or cut it"
        )
    if array.dtype != np.uint8:
        raise UnusableInput(
            f"the array is of dtype {array.dtype}; expected uint8, 0 (black) to 255 (white); scale "
            "it and convert it"
        )
    pixels = array[:, :, 0] if array.ndim == 3 and bands == 1 else array
    return Image.fromarray(np.ascontiguousarray(pixels), _MODES[bands])
