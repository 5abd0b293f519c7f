"""Picture files, whatever their pixels, as 8-bit RGB."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from spaner_core import UnusableInput

from spaner_vision.limits import MOST_PIXELS, Limits, check_size

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
"""Formats that are opened: Pillow knows more, some of which start other programs."""


def read_picture(path: Path, limits: Limits) -> Image.Image:
    """Read a picture upright and in RGB; of a file with several frames, the first.

    Raises `UnusableInput`, and whatever Pillow raises on a damaged file.
    """
    with _opened(path, limits) as image:
        return _to_rgb(ImageOps.exif_transpose(image))


def check_picture(path: Path, limits: Limits) -> None:
    """Read no more than the header. Raises what `read_picture` raises, as far as that tells."""
    with _opened(path, limits):
        pass


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():  # what Pillow warns of is refused by check_size
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise UnusableInput(
            f"the picture is too large; expected at most {MOST_PIXELS:,} pixels in all; scale it "
            "down or cut it"
        ) from error
    except UnidentifiedImageError as error:
        raise UnusableInput(
            f"it is no picture or its beginning is damaged; expected {', '.join(FORMATS)} or PDF, "
            "whatever its suffix; export it again"
        ) from error
    with image:
        check_size(*image.size, limits=limits)
        if image.mode in ("I", "F"):  # nothing in the file says which number is white
            raise UnusableInput(
                f"its pixels have 32 bits (mode {image.mode}); expected 8 or 16; export it again"
            )
        yield image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Bring any kind of image to 8-bit RGB, seen before white where it is transparent."""
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8)).convert("RGB")  # 65535: 255
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    return image.convert("RGB")
