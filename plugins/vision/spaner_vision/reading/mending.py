"""Mends pictures whose pixels are whole but whose decoder refuses them.

Pillow reads a PNG only if all its notes are in order, and a JPEG only with its end marker.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from PIL import Image, ImageChops

LARGEST_FILE = 2**29
"""Most bytes of a file that is mended, as this is done in memory."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
"""Chunks that decide pixels as they are shown."""

_NOTES = {b"eXIf": b"", b"iTXt": b"XML:com.adobe.xmp\0\0"}
"""Chunks that may tell an orientation, and how they then begin."""

_LONGEST_NOTE = 2**20

_JPEG = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
_FILLINGS = (b"\xaa" * 512, b"\xfe" * 512, b"\x6d\xb6\xdb" * 170)
"""Bits that mean other pixels than those that a decoder makes up where a file ends."""

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})

_SCAN = 0xDA

_END = 0xD9

_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})

_COEFFICIENTS = range(64)


def mended(file: BinaryIO) -> bytes | None:
    """Return a picture file with what its pixels need and no more; None where that is no help."""
    if file.seek(0, io.SEEK_END) > LARGEST_FILE:
        return None
    file.seek(0)
    beginning = file.read(len(_PNG))
    if beginning == _PNG:
        with suppress(EOFError):
            chunks = list(_needed_chunks(file))
            if any(chunk[4:8] == b"IDAT" for chunk in chunks):
                return b"".join((_PNG, *chunks, _PNG_END))
    if beginning.startswith(_JPEG):
        return _with_end((beginning + file.read()).rstrip(b"\xff"))
    return None


def _needed_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the chunks of a PNG file that decide how it is seen, from where `file` stands.

    Raises `EOFError` where one of them is cut off.
    """
    while len(head := file.read(8)) == 8 and head[4:].isalpha() and head[4:] != b"IEND":
        length, kind = int.from_bytes(head[:4]), head[4:]
        if kind in _PIXELS:
            body = file.read(length + 4)
            if len(body) < length + 4:
                raise EOFError
            yield head + body
        elif kind in _NOTES and length <= _LONGEST_NOTE:
            note = file.read(length + 4)
            sound = zlib.crc32(kind + note[:length]) == int.from_bytes(note[length:])
            if sound and note.startswith(_NOTES[kind]):
                yield head + note
        else:
            file.seek(length + 4, io.SEEK_CUR)


def _with_end(content: bytes) -> bytes | None:
    """Add a JPEG's end marker where all its pixels are there; None where any is missing.

    A decoder makes up what is missing from whatever follows: other ends then give other pixels.
    """
    if not has_all_scans(content):
        return None
    whole = content + _JPEG_END
    with Image.open(io.BytesIO(whole), formats=["JPEG"]) as image:
        pixels = image.convert("RGB")
    for filling in _FILLINGS:
        intervals = (filling + bytes([0xFF, restart]) for restart in range(0xD0, 0xD8))
        other = io.BytesIO(b"".join((content, *intervals, filling, _JPEG_END)))
        with Image.open(other, formats=["JPEG"]) as image:
            if ImageChops.difference(pixels, image.convert("RGB")).getbbox() is not None:
                return None
    return whole


def has_all_scans(content: bytes) -> bool:
    """Tell whether each coefficient of each colour has been sent down to its last bit."""
    wanted: set[tuple[int, int]] | None = None
    for marker, body in _segments(content):
        if marker in _FRAMES and len(body) >= 6:
            colours = body[6 : 6 + 3 * body[5] : 3]
            wanted = {(colour, k) for colour in colours for k in _COEFFICIENTS}
        elif marker == _SCAN and wanted and body:
            colours = body[1 : 1 + 2 * body[0] : 2]
            rest = body[1 + 2 * body[0] :]
            if len(rest) < 3 or rest[2] & 0x0F:  # more of its bits are to follow
                continue
            wanted -= {(c, k) for c in colours for k in range(rest[0], rest[1] + 1)}
    return wanted == set()


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and body of each segment; the compressed pixels behind scans are skipped."""
    place = 2
    while (place := content.find(b"\xff", place)) >= 0 and place + 4 <= len(content):
        marker = content[place + 1]
        if marker == _END:
            return
        if marker in (0x00, 0xFF) or marker in _WITHOUT_LENGTH:
            place += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(content[place + 2 : place + 4])
        yield marker, content[place + 4 : place + 2 + length]
        place += 2 + length
