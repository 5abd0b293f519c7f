"""Tells recordings by their first bytes; imports nothing heavy."""

from __future__ import annotations

from spaner_audio.reading.mpeg import read_frame

_BEGINNINGS = (b"fLaC", b"OggS", b"ID3", b".snd")
_FORMS = ((b"RIFF", b"WAVE"), (b"RF64", b"WAVE"), (b"FORM", b"AIFF"), (b"FORM", b"AIFC"))
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"mp42", b"mp41", b"isom", b"dash")

_CONTAINERS = (
    (4, b"ftyp", "MPEG-4 (.m4a, .mp4)"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM (.mka, .webm)"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (.wma)"),
    (0, b"#!AMR", "AMR (.amr)"),
    (0, b"MAC ", "Monkey's Audio (.ape)"),
    (0, b"wvpk", "WavPack (.wv)"),
    (0, b"\xff\xf1", "AAC (.aac)"),
    (0, b"\xff\xf9", "AAC (.aac)"),
)
"""Files that libsndfile cannot read: where a mark stands, the mark, and what it tells."""


def is_recording(head: bytes, suffix: str | None) -> bool:
    """Tell whether an input may be sound, also of a format that is named when it is refused.

    Only MP3 may begin with anything, so that its suffix counts as well.
    """
    if head[4:8] == b"ftyp":
        return head[8:12] in _SOUND_BRANDS
    return (
        head.startswith(_BEGINNINGS)
        or (head[:4], head[8:12]) in _FORMS
        or read_frame(head[:4]) is not None
        or name_container(head) is not None
        or suffix == ".mp3"
    )


def name_container(head: bytes) -> str | None:
    """Name the format of a file that libsndfile cannot read by its first bytes; else None."""
    for place, mark, name in _CONTAINERS:
        if head[place : place + len(mark)] == mark:
            return name
    return None
