"""Tells pictures and PDF by their first bytes; imports nothing heavy."""

from __future__ import annotations

_BEGINNINGS = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF; the latter two are BigTIFF
)
_BOXED = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1"})
"""Marks of AVIF and HEIC; the latter is named when it is refused."""

_PDF_BEGINNING = 1024


def is_picture(head: bytes, suffix: str | None) -> bool:
    """Tell whether an input may be a picture or a PDF; each of these formats has a mark."""
    del suffix  # says less than the marks do
    return (
        head.startswith(_BEGINNINGS)
        or b"%PDF-" in head[:_PDF_BEGINNING]
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _BOXED)
        or (head[:2] == b"BM" and head[6:10] == bytes(4))
    )
