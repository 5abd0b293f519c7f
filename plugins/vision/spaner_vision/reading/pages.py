"""Reads files, uploads and objects as pictures, one per page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from PIL import Image
from spaner_core import Content, Source, UnusableInput, check_ordinary, describe_source, open_source

from spaner_vision.reading.limits import Limits
from spaner_vision.reading.objects import take_picture
from spaner_vision.reading.pdf import BEGINNING, check_document, draw_pages, is_document
from spaner_vision.reading.pictures import check_picture, read_picture

Pages: TypeAlias = tuple[Image.Image, ...]
"""A sample: RGB pictures, several where the input is a document of several pages."""

_ONE_PAGE = re.compile(r"(?P<file>.+)#page=(?P<page>[0-9]{1,9})", re.DOTALL)


def read_pages(source: Source, limits: Limits) -> Pages:
    """Read a picture, a document, or one page of it (`file.pdf#page=3`).

    Raises `UnusableInput` with the reason, and nothing else.
    """
    with _opened(source) as (file, page):
        if is_document(_beginning(file)):
            return draw_pages(file, page, limits=limits)
        _refuse_page(page)
        return (read_picture(file, limits, name=describe_source(source)),)


def check_pages(source: Source, limits: Limits) -> None:
    """Raise `UnusableInput` where headers and sizes show that `read_pages` would."""
    with _opened(source) as (file, page):
        if is_document(_beginning(file)):
            check_document(file, page, limits=limits)
        else:
            _refuse_page(page)
            check_picture(file, limits)


@contextmanager
def _opened(source: Source) -> Iterator[tuple[BinaryIO, int | None]]:
    """Open an input; give the page of it that is asked for, too."""
    with _refusing("the file"):
        source, page = _locate(source)
        with open_source(source) as file:
            yield file, page


def take_pages(value: object, limits: Limits) -> Pages | None:
    """Take a PIL image or an array of pixels as it would be read from a file; None for others.

    Raises `UnusableInput` with the reason, and nothing else.
    """
    with _refusing("the image"):
        picture = take_picture(value, limits)
        return None if picture is None else (picture,)


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    try:
        yield
    except UnusableInput:
        raise
    except Exception as error:  # on damaged files decoders raise whatever their code meets
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnusableInput(
            f"{what} cannot be read ({reason}); expected a whole picture or PDF; check it, or "
            "export it again"
        ) from error


def _locate(source: Source) -> tuple[Source, int | None]:
    """Split a page's number off a path, unless there is a file that is called so."""
    if isinstance(source, Content):
        asked = _ONE_PAGE.fullmatch(source.name)
        return source, int(asked["page"]) if asked else None
    path = Path(source)
    check_ordinary(path)
    if path.exists():
        return path, None
    asked = _ONE_PAGE.fullmatch(path.name)
    if asked is None:
        raise UnusableInput(
            "there is no such file, and behind its # stands no page; expected a page's number, as "
            "in file.pdf#page=3; correct it"
        )
    return path.with_name(asked["file"]), int(asked["page"])


def _beginning(file: BinaryIO) -> bytes:
    beginning = file.read(BEGINNING)
    if not beginning:
        raise UnusableInput("the file is empty; expected a picture or PDF; copy or export it again")
    return beginning


def _refuse_page(page: int | None) -> None:
    if page is not None:
        raise UnusableInput(
            f"page {page} is asked of a file that is no PDF; expected pages of documents only; "
            "leave #page out"
        )
