"""Tells texts by their first bytes and suffix; imports nothing heavy."""

from __future__ import annotations

import codecs

_SUFFIXES = (".txt", ".md")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PDF_BEGINNING = 1024


def is_text(head: bytes, suffix: str | None) -> bool:
    """Tell whether an input may be a PDF or a text file; one without a suffix must be UTF-8."""
    if b"%PDF-" in head[:_PDF_BEGINNING]:
        return True
    if b"\0" in head and not head.startswith(_UTF_16):
        return False
    return suffix in _SUFFIXES or (suffix is None and bool(head.strip()) and _is_utf8(head))


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # whose last character may be cut
    except UnicodeDecodeError:
        return False
    return not any(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
