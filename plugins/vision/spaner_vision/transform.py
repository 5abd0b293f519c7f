"""From an image file to what the encoder takes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from spaner_core import UnusableInput, fingerprint_options
from torch import Tensor

from spaner_vision.options import EncoderOptions

ALGORITHM_VERSION = 1
"""Raised whenever the same file would give other pixels."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
"""Formats that are opened: Pillow knows more, some of which start other programs."""

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error)
"""What Pillow raises on files that are damaged or no image."""

_HUGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class ImageTransform:
    """Reads images; a sample is an RGB `PIL.Image`, an encoder input a grey tensor (H, W)."""

    def __init__(self, options: EncoderOptions) -> None:
        self._size = (options.image_size, options.image_size)
        self.fingerprint = fingerprint_options("vision/image", ALGORITHM_VERSION, options)

    def decode(self, source: Path | str) -> Image.Image:
        """Read one image upright and in RGB; of a file with several frames, the first."""
        try:
            with Image.open(source, formats=FORMATS) as image:
                return _to_rgb(ImageOps.exif_transpose(image))
        except _HUGE as error:
            raise UnusableInput(
                f"the image is too large ({error}); expected fewer pixels; scale it down"
            ) from error
        except _BROKEN as error:
            raise UnusableInput(
                f"the image cannot be read ({error}); expected a whole {', '.join(FORMATS)} file; "
                "check or export it again"
            ) from error

    def prepare(self, sample: Image.Image) -> list[Tensor]:
        """Give a grey square in [0, 1]; an image is one window."""
        grey = sample.convert("L").resize(self._size, Image.Resampling.BICUBIC)
        return [torch.from_numpy(np.array(grey)).float() / 255]


def _to_rgb(image: Image.Image) -> Image.Image:
    """Bring any kind of image to 8-bit RGB, seen before white where it is transparent."""
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.float64) / 257  # 65535 is white, as 255 is
        return Image.fromarray(deep.round().astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):  # nothing in the file says which number is white
        raise ValueError(f"32-bit pixels, mode {image.mode}; 8 or 16 bits are needed")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    return image.convert("RGB")
