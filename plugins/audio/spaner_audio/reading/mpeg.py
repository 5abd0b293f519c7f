"""Walks the frames of MP3 streams, and counts them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from spaner_audio.reading.file_slice import read_at

_LAYER_3 = 1
_MPEG_1 = 3
_MONO = 3
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of MPEG 1, and of 2 and 2.5, from index 1 on."""

_SEARCH_BYTES = 2**16


class Frame(NamedTuple):
    """One frame: its header of 4 bytes, the bytes it takes, the samples a channel it gives."""

    header: bytes
    length: int
    samples: int

    @property
    def kind(self) -> int:
        """What all frames of a stream have in common: version, layer, sample rate."""
        return int.from_bytes(self.header) & 0xFFFE0C00

    @property
    def side_length(self) -> int:
        """Bytes of side information between header and sound."""
        mono = self.header[3] >> 6 == _MONO
        return (17 if mono else 32) if self.samples == 1152 else (9 if mono else 17)


def read_frame(header: bytes) -> Frame | None:
    """Read the header of a layer III frame; None where these bytes are none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return None
    bits = int.from_bytes(header[:4])
    version, rate, kbits = bits >> 19 & 3, bits >> 10 & 3, bits >> 12 & 15
    if bits >> 17 & 3 != _LAYER_3 or version not in _RATES_HZ or rate == 3 or kbits in (0, 15):
        return None
    samples = 1152 if version == _MPEG_1 else 576
    bits_a_second = 1000 * _KBITS[version == _MPEG_1][kbits - 1]
    length = samples // 8 * bits_a_second // _RATES_HZ[version][rate] + (bits >> 9 & 1)
    return Frame(header[:4], length, samples)


def announced_frames(file: BinaryIO, place: int, frame: Frame) -> int | None:
    """Return how many frames of sound the frame at `place` says will follow it, if it does."""
    body = read_at(file, place, 64)
    mark = 4 + frame.side_length
    if body[mark : mark + 4] in (b"Xing", b"Info"):
        flags, count = struct.unpack(">II", body[mark + 4 : mark + 12])
        return count if flags & 1 and count else None
    if body[36:40] == b"VBRI":
        return int.from_bytes(body[50:54]) or None
    return None


def announcing_frame(count: int, like: Frame) -> bytes:
    """Return a frame without sound that announces `count` frames like `like`."""
    mpeg_1 = like.samples == 1152
    kbits = _KBITS[mpeg_1].index(64) + 1  # long enough for what is said
    frame = read_frame(
        bytes([0xFF, like.header[1] | 1, kbits << 4 | like.header[2] & 0x0C, like.header[3]])
    )
    assert frame is not None
    said = frame.header + bytes(frame.side_length) + struct.pack(">4sII", b"Xing", 1, count)
    return said.ljust(frame.length, b"\0")


def frames_from(file: BinaryIO, place: int) -> Iterator[tuple[int, Frame]]:
    """Yield the place of each whole frame from `place` on, whatever lies between them."""
    size = file.seek(0, 2)
    kind: int | None = None
    while True:
        frame = read_frame(read_at(file, place, 4))
        if frame is None or (kind is not None and frame.kind != kind):
            found = _next_frame(file, place, kind)
            if found is None:
                return
            place, frame = found
        if place + frame.length > size:
            return
        kind = frame.kind
        yield place, frame
        place += frame.length


def _next_frame(file: BinaryIO, place: int, kind: int | None) -> tuple[int, Frame] | None:
    """Look for two frames of one kind, one behind the other; the second may be the file's end."""
    while block := read_at(file, place, _SEARCH_BYTES):
        at = block.find(b"\xff")
        while at >= 0:
            header = read_at(file, place + at, 4)
            frame = read_frame(header)
            if frame is not None and kind in (None, frame.kind):
                after = read_at(file, place + at + frame.length, 4)
                follower = read_frame(after)
                if not after or (follower is not None and follower.kind == frame.kind):
                    return place + at, frame
            at = block.find(b"\xff", at + 1)
        place += len(block)
    return None
