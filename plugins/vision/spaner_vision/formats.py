"""Lists the picture formats that are read, and names the others."""

from __future__ import annotations

from PIL import features

AVIF = "AVIF"

FORMATS = (
    *("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"),
    *([AVIF] if "avif" in features.modules and features.check_module("avif") else []),
)
"""Formats that are opened: Pillow knows more, some of which start other programs.

AVIF only where this Pillow was built with it.
"""

_BRANDS = (
    ((b"avif", b"avis"), AVIF),
    ((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
)
"""Marks in the first box of files of this family; AVIF may bear the last two as well."""

_BEGINNINGS = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop (.psd)"),
    (b"\0\0\x01\0", "an icon (.ico)"),
    (b"%!PS", "PostScript"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML, SVG perhaps"),
)
"""How files of other kinds begin, and what they are called."""


def name_format(beginning: bytes) -> str | None:
    """Name the format of a file that is not read from its first 32 bytes; None if unknown."""
    if beginning[4:8] == b"ftyp":
        brands = {beginning[place : place + 4] for place in (8, *range(16, 32, 4))}
        named = next((name for marks, name in _BRANDS if brands.intersection(marks)), None)
    else:
        named = next((name for start, name in _BEGINNINGS if beginning.startswith(start)), None)
    return None if named in FORMATS else named
