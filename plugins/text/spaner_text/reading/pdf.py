"""Reads the text of PDF files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from spaner_core import UnusableInput

if TYPE_CHECKING:
    from pypdf import PdfReader


def read_pdf(file: BinaryIO) -> str:
    """Return the text of all pages, joined by line feeds.

    Raises `UnusableInput` where the file is damaged, needs a password, or has no text.
    """
    with _opened(file) as reader:
        text = "\n".join(page.extract_text() for page in reader.pages)
        pages = len(reader.pages)
    # fonts without a map to Unicode leave NUL and halves of letters behind
    text = text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
    if not text or text.isspace():
        raise UnusableInput(
            f"none of the PDF's pages ({pages}) has text, as in a scan; expected a text layer; run "
            "character recognition (OCR) on it and save the result"
        )
    return text


def check_pdf(file: BinaryIO) -> None:
    """Raise `UnusableInput` where a PDF's own index shows that it cannot be read."""
    with _opened(file):
        pass


@contextmanager
def _opened(file: BinaryIO) -> Iterator[PdfReader]:
    from pypdf import PasswordType, PdfReader

    try:
        with _quiet():
            reader = PdfReader(file)
            if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
                raise _locked("it needs a password")
            if not len(reader.pages):
                raise UnusableInput("the PDF has no page; expected one with text; get it again")
            yield reader
    except UnusableInput:
        raise
    except Exception as error:  # what a damaged file makes the library raise is anything
        reason = " ".join(str(error).split()) or type(error).__name__
        if type(error).__name__ in ("DependencyError", "FileNotDecryptedError"):
            raise _locked(reason) from error
        raise UnusableInput(
            f"the PDF is damaged ({reason}); expected a whole file; get it again, or open it and "
            "save it anew"
        ) from error


def _locked(reason: str) -> UnusableInput:
    return UnusableInput(
        f"the PDF is encrypted ({reason}); expected one that anybody may open; save a copy of it "
        "without a password"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's remarks on slight damage off standard error."""
    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
