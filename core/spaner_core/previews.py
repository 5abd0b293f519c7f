"""Showing a preview on a page: text is escaped, an image is embedded, nothing else gets in."""

from __future__ import annotations

import base64
import html
import struct
import zlib
from collections.abc import Iterator

from spaner_core.modality import LARGEST_PREVIEW, Preview

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_SIDE = 4096


def preview_html(preview: Preview) -> str:
    """Write a preview as one HTML `figure`: `img` and `figcaption`, or `pre` for text alone.

    Raises `ValueError` when it holds neither text nor image, or an image that is no usable PNG.
    """
    if preview.png is None and preview.text is None:
        raise ValueError("the preview is empty; expected a text or a PNG image; give one of them")
    text = None if preview.text is None else html.escape(preview.text)
    if preview.png is None:
        return f"<figure><pre>{text}</pre></figure>"
    check_png(preview.png)
    source = f"data:image/png;base64,{base64.b64encode(preview.png).decode('ascii')}"
    caption = f"<figcaption>{text}</figcaption>" if text is not None else ""
    return f'<figure><img src="{source}" alt="">{caption}</figure>'


def check_png(content: bytes) -> tuple[int, int]:
    """Return width and height of a PNG image.

    Raises `ValueError` when it is none, is damaged or holds anything else, or is too large to be
    shown. Its pixels are not decoded.
    """
    if len(content) > LARGEST_PREVIEW:
        raise ValueError(
            f"the image has {len(content)} bytes; expected at most {LARGEST_PREVIEW}; scale it down"
        )
    if not content.startswith(SIGNATURE):
        raise ValueError("the image does not begin as PNG does; expected PNG; convert it")
    chunks = list(_chunks(content))
    kinds = [kind for kind, _ in chunks]
    if kinds[:1] != [b"IHDR"] or kinds[-1:] != [b"IEND"] or b"IDAT" not in kinds:
        raise _damaged("parts are missing")
    width, height = struct.unpack(">II", chunks[0][1][:8].ljust(8, b"\0"))
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise ValueError(
            f"the image is {width} x {height} pixels; expected 1 to {LARGEST_SIDE} a side; "
            "scale it down"
        )
    return width, height


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of each part up to IEND, after which nothing may follow."""
    place, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        head, place = content[place : place + 8], place + 8
        length, kind = struct.unpack(">I4s", head.ljust(8, b"\0"))
        part, check = content[place : place + length], content[place + length :][:4]
        if zlib.crc32(kind + part) != int.from_bytes(check, "big") or len(check) < 4:
            raise _damaged(f"a part's checksum is wrong at byte {place}")
        place += length + 4
        yield kind, part
    if place != len(content):
        raise _damaged(f"{len(content) - place} bytes follow its end")


def _damaged(how: str) -> ValueError:
    return ValueError(f"the image is damaged ({how}); expected a whole PNG file; write it again")
