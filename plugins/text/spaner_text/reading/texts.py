"""Reads texts, given as files, uploads or themselves."""

from __future__ import annotations

import codecs
from typing import BinaryIO

from spaner_core import Source, UnusableInput, open_source, suffix_of

from spaner_text.options import DEFAULT_ENCODING
from spaner_text.reading.pdf import check_pdf, read_pdf

BEGINNING = 65_536
"""How many bytes of a file, or characters of a text, are looked at to judge it."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte-order marks, and the encoding that each announces."""


def read_source(source: Source, *, encoding: str) -> str:
    """Read one input: a `Path` or `Content` is a text or PDF file, a `str` is the text itself.

    `encoding` is that of text files without a byte-order mark. Lines end in a line feed. Raises
    `UnusableInput` where there is nothing to read, or nothing but white space.
    """
    if isinstance(source, str):
        text = _checked(source)
    else:
        with open_binary(source) as file:
            if _is_pdf(source):
                text = read_pdf(file)
            else:
                text = decode_bytes(file.read(), encoding=encoding)
    if not text or text.isspace():
        raise UnusableInput("the text is empty, or white space; expected words; write them")
    return text


def check_source(source: Source, *, encoding: str) -> None:
    """Raise `UnusableInput` where the beginning of an input shows that it cannot be read."""
    if isinstance(source, str):
        read_source(source[:BEGINNING], encoding=encoding)
        return
    with open_binary(source) as file:
        if _is_pdf(source):
            check_pdf(file)
            return
        data = file.read(BEGINNING)
        whole = len(data) < BEGINNING
        text = decode_bytes(data, encoding=encoding, whole=whole)
    if whole and (not text or text.isspace()):
        raise UnusableInput("the file is empty, or white space; expected words; write them")


def open_binary(source: Source) -> BinaryIO:
    """Open a file or upload; raises `UnusableInput` where it cannot be."""
    try:
        return open_source(source)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnusableInput(
            f"the file cannot be opened ({reason}); expected a file; check its path"
        ) from error


def decode_bytes(data: bytes, *, encoding: str, whole: bool = True) -> str:
    """Decode a text file; a byte-order mark, where there is one, says more than `encoding`.

    `whole` is false where `data` may end within a character. Raises `UnusableInput` with the place
    of the first byte that is none of a text.
    """
    mark, named = next(((m, name) for m, name in _MARKS if data.startswith(m)), (b"", encoding))
    decoder = codecs.getincrementaldecoder(named)()
    try:
        text = decoder.decode(data[len(mark) :], whole)
    except UnicodeError as error:
        place = len(mark) + getattr(error, "start", 0)
        raise UnusableInput(
            f"byte {place} is not {named.upper()}; expected text in UTF-8, in "
            "UTF-16 with a byte-order mark, or in the encoding that is set; save it as UTF-8, or "
            f"set its encoding, {_other(named)} say, under encoder:"
        ) from error
    if "\0" in text:
        raise UnusableInput(
            f"character {text.index(chr(0)) + 1} is NUL, which no text contains; expected a text "
            "file; if it is UTF-16, save it with a byte-order mark or as UTF-8"
        )
    return _checked(text).replace("\r\n", "\n").replace("\r", "\n")


def _other(encoding: str) -> str:
    return "latin-1" if encoding == DEFAULT_ENCODING else DEFAULT_ENCODING


def _checked(text: str) -> str:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UnusableInput("the text is not Unicode; expected UTF-8; write it again")
    return text


def _is_pdf(source: Source) -> bool:
    return suffix_of(source) == ".pdf"
