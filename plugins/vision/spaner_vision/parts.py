"""Cuts pictures into cells of a grid and covers single ones."""

from __future__ import annotations

from typing import NamedTuple

from PIL import ImageStat
from spaner_core import Part

from spaner_vision.reading import Pages

GRID = 4
"""Cells along each side of a page, fewer where it has fewer pixels."""

MOST_CELLS = 64
"""Parts of a sample; with more pages than have that many cells, each page is a part."""


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
    """Return copies of the pages with a box of one filled with that page's mean colour."""
    page = pages[place.page].copy()
    mean = tuple(round(value) for value in ImageStat.Stat(page).mean)
    page.paste(mean, place[1:])
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
