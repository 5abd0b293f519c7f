"""Shows pictures, small."""

from __future__ import annotations

from PIL import Image
from spaner_core import Preview, png_of

from spaner_vision.reading.pages import Pages

LONGEST_SIDE = 256
"""Pixels of a preview's longer side."""

_TINY = 64
"""Smaller pictures are enlarged, pixel by pixel, to be seen at all."""


def preview(pages: Pages) -> Preview:
    """Show the first page, with its size and the number of pages."""
    first = pages[0]
    size = f"{first.width} x {first.height} pixels"
    text = size if len(pages) == 1 else f"page 1 of {len(pages)}, {size}"
    return Preview(text=text, png=png_of(_scaled(first)))


def _scaled(page: Image.Image) -> Image.Image:
    longest = max(page.size)
    if longest <= _TINY:
        times = LONGEST_SIDE // 2 // longest
        return page.resize((page.width * times, page.height * times), Image.Resampling.NEAREST)
    small = page.copy()
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return small
