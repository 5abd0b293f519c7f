"""Tells whether a JPEG file has all the scans it needs."""

from __future__ import annotations

from collections.abc import Iterator

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_SCAN = 0xDA
_END = 0xD9
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_COEFFICIENTS = range(64)


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
