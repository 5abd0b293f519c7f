"""Turns pictures upright by their orientation note."""

from __future__ import annotations

from typing import Any

from PIL import ExifTags, Image

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
