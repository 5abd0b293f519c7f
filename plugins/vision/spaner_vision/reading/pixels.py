"""Brings pixels of any kind upright, and to 8-bit RGB before white."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import ExifTags, Image

DARKEST = 64
"""Of 255: the most that 14 bits in a pixel of 16 come to."""

_WITH_DEPTH = ("PNG", "TIFF")
_BITS = re.compile(r";(\d+)")  # of Pillow's raw modes: I;16B, L;4, RGB;16L
_PHOTOMETRIC = 262
_STEPS = {2: 85, 4: 17}
"""Levels of 255 between two neighbouring values of so many bits."""

_logger = logging.getLogger(__name__)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation of EXIF; 1 is upright."""

_XMP = ("XML:com.adobe.xmp", "xmp")


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How a file keeps its samples, which an image that was decoded does not tell any more."""

    bits: int
    white_is_zero: bool

    @classmethod
    def of(cls, image: Image.Image) -> Depth:
        """Read it of an opened image, before it is decoded."""
        tile = getattr(image, "tile", None)
        if image.format not in _WITH_DEPTH or not tile:
            return cls(bits=8, white_is_zero=False)
        arguments = tile[0][3]
        raw_mode = arguments if isinstance(arguments, str) else arguments[0]
        bits = _BITS.search(raw_mode)
        tags = getattr(image, "tag_v2", {})
        return cls(bits=int(bits[1]) if bits else 8, white_is_zero=tags.get(_PHOTOMETRIC) == 0)


def to_rgb(image: Image.Image, depth: Depth) -> Image.Image:
    """Bring any kind of image to 8-bit RGB, seen before white where it is transparent."""
    if image.mode.startswith("I;16"):
        return Image.fromarray(_deep_grey(image, depth)).convert("RGB")
    if image.has_transparency_data:
        if image.mode == "L" and isinstance(image.info.get("transparency"), int):
            image = image.copy()  # the other may be the user's own
            image.info["transparency"] *= _STEPS.get(depth.bits, 1)  # Pillow scales pixels only
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    return image.convert("RGB")


def _deep_grey(image: Image.Image, depth: Depth) -> np.typing.NDArray[np.uint8]:
    deep = np.asarray(image).astype(np.uint32)
    white = 4095 if depth.bits == 12 else 65535
    grey = (deep * 255 + white // 2) // white
    if depth.white_is_zero:  # Pillow turns around pixels of 8 bits only
        grey = 255 - grey
    if isinstance(transparent := image.info.get("transparency"), int):
        grey[deep == transparent] = 255
    return grey.astype(np.uint8)


def warn_of_darkness(seen: Image.Image, depth: Depth, *, name: str) -> None:
    """Log where pixels of 16 bits are as dark as the 10, 12 or 14 bits of a camera would be."""
    if depth.bits != 16:
        return
    brightest = int(np.asarray(seen).max())
    if 0 < brightest <= DARKEST:
        _logger.warning(
            "%r: no pixel of 16 bits has more than %.0f%% of full brightness, as where they hold "
            "fewer bits, of a camera say; if so, scale them up: it is seen all but black",
            *(name, 100 * brightest / 255),
        )


def upright(image: Image.Image) -> Image.Image:
    """Return a loaded image as it is meant to be seen; itself where nothing says how.

    Not `ImageOps.exif_transpose`, which reads and writes all of a picture's EXIF and raises where
    any of it is wrong.
    """
    orientation = _from_exif(image)
    if orientation is None:  # Pillow does not look any further where EXIF is damaged
        notes = Image.new("1", (1, 1))
        notes.info = {key: image.info[key] for key in _XMP if key in image.info}
        orientation = _from_exif(notes)
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _from_exif(image: Image.Image) -> Any:
    """Return the value of the note as it is, None where there is none or it cannot be read."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # damaged metadata raises whatever the code meets that reads it
        return None
