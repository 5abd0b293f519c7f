"""Tells recordings by their first bytes; imports nothing heavy."""

from __future__ import annotations

from spaner_audio.containers import name_container
from spaner_audio.mpeg import read_frame

_BEGINNINGS = (b"fLaC", b"OggS", b"ID3", b".snd")
_FORMS = ((b"RIFF", b"WAVE"), (b"RF64", b"WAVE"), (b"FORM", b"AIFF"), (b"FORM", b"AIFC"))
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"mp42", b"mp41", b"isom", b"dash")


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
