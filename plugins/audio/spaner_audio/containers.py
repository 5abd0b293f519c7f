"""Names sound files that libsndfile cannot read, by how they begin."""

from __future__ import annotations

_BEGINNINGS = (
    (4, b"ftyp", "MPEG-4 (.m4a, .mp4)"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM (.mka, .webm)"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (.wma)"),
    (0, b"#!AMR", "AMR (.amr)"),
    (0, b"MAC ", "Monkey's Audio (.ape)"),
    (0, b"wvpk", "WavPack (.wv)"),
    (0, b"\xff\xf1", "AAC (.aac)"),
    (0, b"\xff\xf9", "AAC (.aac)"),
)
"""Where a mark stands, the mark, and what it tells."""


def name_container(head: bytes) -> str | None:
    """Name the format of a file from its first bytes; None where it is none of these."""
    for place, mark, name in _BEGINNINGS:
        if head[place : place + len(mark)] == mark:
            return name
    return None
