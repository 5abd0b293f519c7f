"""Mends headers of recordings whose program ended before it wrote their length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from spaner_audio.reading.file_slice import read_at

_TO_THE_END = (8).to_bytes(4, "little")
"""A RIFF length with which libsndfile takes empty `data` to last to the file's end."""

_ENDLESS = 2**32 - 1


class _Chunk(NamedTuple):
    kind: bytes
    start: int  # of its content
    length: int


def mended_head(file: BinaryIO, start: int) -> tuple[bytes, int]:
    """Return a header whose sound lasts to the file's end, and how many bytes it replaces.

    It is empty unless a WAV (RIFF, RF64) or AU file says that it holds no sound, and goes on.
    """
    head = read_at(file, start, 12)
    if head[:4] == b".snd" and head[8:] == bytes(4):
        return head[:8] + _ENDLESS.to_bytes(4), 12
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return b"", 0
    chunks = list(_chunks(file, start + 12))
    data = next((chunk for chunk in chunks if chunk.kind == b"data"), None)
    if data is None or _length_of_sound(file, data, chunks) not in (0, 2**64 - 1):
        return b"", 0
    if _holds_chunks_only(file, data.start):  # there is no sound
        return b"", 0
    between = read_at(file, start + 12, data.start - 8 - (start + 12))
    return b"RIFF" + _TO_THE_END + b"WAVE" + between + b"data" + bytes(4), data.start - start


def _length_of_sound(file: BinaryIO, data: _Chunk, chunks: list[_Chunk]) -> int:
    if data.length != _ENDLESS or chunks[0].kind != b"ds64":
        return data.length
    return int.from_bytes(read_at(file, chunks[0].start + 8, 8), "little")


def _holds_chunks_only(file: BinaryIO, place: int) -> bool:
    """Tell whether nothing, or nothing but whole chunks, stands from `place` to the file's end."""
    for chunk in _chunks(file, place):
        place = chunk.start + chunk.length
    return file.seek(0, 2) in (place, place + 1)


def _chunks(file: BinaryIO, place: int) -> Iterator[_Chunk]:
    """Yield chunks as long as what follows has a chunk's name."""
    while len(head := read_at(file, place, 8)) == 8 and all(32 <= byte < 127 for byte in head[:4]):
        chunk = _Chunk(head[:4], place + 8, int.from_bytes(head[4:], "little"))
        yield chunk
        place = chunk.start + chunk.length + chunk.length % 2
