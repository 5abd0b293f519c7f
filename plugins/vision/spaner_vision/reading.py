"""From the file that a manifest names to pictures: one, or one a page of a document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from PIL import Image
from spaner_core import UnusableInput, check_ordinary

from spaner_vision.documents import BEGINNING, check_document, draw_pages, is_document
from spaner_vision.limits import Limits
from spaner_vision.pictures import check_picture, read_picture

Pages: TypeAlias = tuple[Image.Image, ...]
"""A sample: RGB pictures, several where the input is a document of several pages."""

_ONE_PAGE = re.compile(r"(?P<file>.+)#page=(?P<page>[0-9]{1,9})", re.DOTALL)


def read_pages(source: Path | str, limits: Limits) -> Pages:
    """Read a picture, a document, or one page of it (`file.pdf#page=3`).

    Raises `UnusableInput` with the reason, and nothing else.
    """
    with _refusing():
        path, page = _locate(Path(source))
        if is_document(_beginning(path)):
            return draw_pages(path, page, limits=limits)
        _refuse_page(page)
        return (read_picture(path, limits),)


def check_pages(source: Path | str, limits: Limits) -> None:
    """Raise `UnusableInput` where headers and sizes show that `read_pages` would."""
    with _refusing():
        path, page = _locate(Path(source))
        if is_document(_beginning(path)):
            check_document(path, page, limits=limits)
        else:
            _refuse_page(page)
            check_picture(path, limits)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except UnusableInput:
        raise
    except Exception as error:  # on damaged files decoders raise whatever their code meets
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnusableInput(
            f"the file cannot be read ({reason}); expected a whole picture or PDF; check it, or "
            "export it again"
        ) from error


def _locate(path: Path) -> tuple[Path, int | None]:
    """Split a page's number off, unless there is a file that is called so."""
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


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
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
