"""Walks the frames of MP3 streams, and counts them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from spaner_audio.reading.file_slice import read_at

# values of a header's fields
_SYNC = 0x7FF
_LAYER_3 = 1
_MPEG_1 = 3
_MONO = 3
_NO_CHECKSUM = 1
_FREE_RATE, _NO_KBITS = 0, 15
_NO_RATE = 3

_STREAM_BITS = 0xFFFE0C00
"""What all headers of a stream have in common: sync, version, layer, sample rate."""
_RATE_BITS = 0x0C
"""The sample rate in the third byte of a header."""

_HEADER_BYTES = 4
_SIDE_BYTES = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}
"""Bytes of side information, where it is MPEG 1 or not, and mono or not."""

_SAMPLES = {True: 1152, False: 576}
"""Samples a channel of a frame, of MPEG 1, and of 2 and 2.5."""

_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of MPEG 1, and of 2 and 2.5, from index 1 on."""

_ANNOUNCED_BYTES = 64
"""As many of a frame as tell whether it announces others, and how many."""
_XING_COUNTS = 1
"""The flag of a Xing or Info header that gives the number of frames."""
_VBRI_AT, _VBRI_COUNT_AT = 36, 50
_ANNOUNCING_KBITS = 64
"""Bit rate of a frame long enough for what it announces."""

_SEARCH_BYTES = 2**16


class Frame(NamedTuple):
    """One frame: its header of 4 bytes, the bytes it takes, the samples a channel it gives."""

    header: bytes
    length: int
    samples: int

    @property
    def kind(self) -> int:
        """What all frames of a stream have in common: version, layer, sample rate."""
        return int.from_bytes(self.header) & _STREAM_BITS

    @property
    def mpeg_1(self) -> bool:
        """Whether it is of MPEG 1, not of 2 or 2.5."""
        return self.samples == _SAMPLES[True]

    @property
    def side_length(self) -> int:
        """Bytes of side information between header and sound."""
        return _SIDE_BYTES[self.mpeg_1, self.header[3] >> 6 == _MONO]


def read_frame(header: bytes) -> Frame | None:
    """Read the header of a layer III frame; None where these bytes are none."""
    if len(header) < _HEADER_BYTES:
        return None
    # from the first bit: 11 sync, 2 version, 2 layer, 1 checksum, 4 kbits, 2 rate, 1 padding, ...
    bits = int.from_bytes(header[:_HEADER_BYTES])
    version, rate, kbits = bits >> 19 & 3, bits >> 10 & 3, bits >> 12 & 15
    if bits >> 21 != _SYNC or bits >> 17 & 3 != _LAYER_3 or version not in _RATES_HZ:
        return None
    if rate == _NO_RATE or kbits in (_FREE_RATE, _NO_KBITS):
        return None
    samples = _SAMPLES[version == _MPEG_1]
    bits_a_second = 1000 * _KBITS[version == _MPEG_1][kbits - 1]
    length = samples // 8 * bits_a_second // _RATES_HZ[version][rate] + (bits >> 9 & 1)
    return Frame(header[:_HEADER_BYTES], length, samples)


def announced_frames(file: BinaryIO, place: int, frame: Frame) -> int | None:
    """Return how many frames of sound the frame at `place` says will follow it, if it does."""
    body = read_at(file, place, _ANNOUNCED_BYTES)
    mark = _HEADER_BYTES + frame.side_length
    if body[mark : mark + 4] in (b"Xing", b"Info"):
        flags, count = struct.unpack(">II", body[mark + 4 : mark + 12])
        return count if flags & _XING_COUNTS and count else None
    if body[_VBRI_AT : _VBRI_AT + 4] == b"VBRI":
        return int.from_bytes(body[_VBRI_COUNT_AT : _VBRI_COUNT_AT + 4]) or None
    return None


def announcing_frame(count: int, like: Frame) -> bytes:
    """Return a frame without sound that announces `count` frames like `like`."""
    kbits = _KBITS[like.mpeg_1].index(_ANNOUNCING_KBITS) + 1
    sync, kind, rate, channels = like.header
    frame = read_frame(bytes([sync, kind | _NO_CHECKSUM, kbits << 4 | rate & _RATE_BITS, channels]))
    assert frame is not None
    said = (
        frame.header + bytes(frame.side_length) + struct.pack(">4sII", b"Xing", _XING_COUNTS, count)
    )
    return said.ljust(frame.length, b"\0")


def frames_from(file: BinaryIO, place: int) -> Iterator[tuple[int, Frame]]:
    """Yield the place of each whole frame from `place` on, whatever lies between them."""
    size = file.seek(0, 2)
    kind: int | None = None
    while True:
        frame = read_frame(read_at(file, place, _HEADER_BYTES))
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
            header = read_at(file, place + at, _HEADER_BYTES)
            frame = read_frame(header)
            if frame is not None and kind in (None, frame.kind):
                after = read_at(file, place + at + frame.length, _HEADER_BYTES)
                follower = read_frame(after)
                if not after or (follower is not None and follower.kind == frame.kind):
                    return place + at, frame
            at = block.find(b"\xff", at + 1)
        place += len(block)
    return None
