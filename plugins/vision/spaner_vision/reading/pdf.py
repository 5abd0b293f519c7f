"""Draws every page of a PDF file as a picture."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image
from pypdfium2 import (
    PdfDocument,
    PdfiumError,
    PdfPage,
)
from spaner_core import UnusableInput

from spaner_vision.reading.limits import Limits, check_size

PAGE_SIDE = 1024
"""Pixels of a drawn page's longer side, whatever the size of the paper."""

BEGINNING = 1024
"""Bytes within which a PDF says that it is one; other software's greetings may stand before it."""

_ENCRYPTED = b"/Encrypt"

_PDFIUM = threading.Lock()
"""PDFium serves one thread at a time."""


def is_document(beginning: bytes) -> bool:
    """Tell a PDF by its first `BEGINNING` bytes, whatever the file's suffix."""
    return b"%PDF-" in beginning


def draw_pages(file: BinaryIO, page: int | None, *, limits: Limits) -> tuple[Image.Image, ...]:
    """Draw one page, counted from 1, or all of them, in RGB.

    Raises `UnusableInput`, and `PdfiumError` where a page is damaged.
    """
    with _chosen(file, page, limits=limits) as pages:
        return tuple(_draw(each) for each in pages)


def check_document(file: BinaryIO, page: int | None, *, limits: Limits) -> None:
    """Look at pages without drawing any. Raises what `draw_pages` raises, as far as that tells."""
    with _chosen(file, page, limits=limits):
        pass


@contextmanager
def _chosen(file: BinaryIO, page: int | None, *, limits: Limits) -> Iterator[list[PdfPage]]:
    with _PDFIUM, _opened(file) as document:
        pages = [document[number] for number in _numbers(len(document), page, limits=limits)]
        for each in pages:
            width, height = (round(side * _scale(each)) for side in each.get_size())
            check_size(width, height, limits=limits)
        yield pages


@contextmanager
def _opened(file: BinaryIO) -> Iterator[PdfDocument]:
    try:
        document = PdfDocument(file)
    except PdfiumError as error:  # which may tell the error of an earlier document
        raise UnusableInput(_why_not_opened(file)) from error
    try:
        yield document
    finally:
        document.close()


def _why_not_opened(file: BinaryIO) -> str:
    file.seek(0)
    if _ENCRYPTED in file.read():
        return (
            "the document is encrypted, or damaged; expected one that opens without a password; "
            "save it without one"
        )
    return (
        "the document is damaged or has no pages; expected a whole PDF; check it, or export it "
        "again"
    )


def _numbers(count: int, page: int | None, *, limits: Limits) -> list[int]:
    """Return the numbers of the wanted pages, counted from 0."""
    if page is not None:
        if not 1 <= page <= count:
            raise UnusableInput(
                f"page {page} is asked of a document of {count} pages; expected 1 to {count}; "
                "correct the number"
            )
        return [page - 1]
    if count > limits.pages:
        raise UnusableInput(
            f"the document has {count} pages; expected at most {limits.pages}; name one, as in "
            "file.pdf#page=1, or split it"
        )
    return list(range(count))


def _scale(page: PdfPage) -> float:
    return float(PAGE_SIDE / max(page.get_size()))  # PDFium gives every page a size


def _draw(page: PdfPage) -> Image.Image:
    bitmap = page.render(scale=_scale(page))
    image: Image.Image = bitmap.to_pil().convert("RGB")  # a copy: PDFium keeps its own pixels
    bitmap.close()
    return image
