"""Showing a preview on a page: text is escaped, an image is embedded, nothing else gets in."""

from __future__ import annotations

import base64
import html
import struct
import zlib

from spaner_core.modality import Preview

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_SIDE = 4096
LARGEST_BYTES = 4 * 1024 * 1024


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

    Raises `ValueError` when it is none, its header is damaged, or it is too large to be shown.
    """
    if len(content) > LARGEST_BYTES:
        raise ValueError(
            f"the image has {len(content)} bytes; expected at most {LARGEST_BYTES}; scale it down"
        )
    header = content[8:33]  # length, "IHDR", 13 bytes, checksum
    if not content.startswith(SIGNATURE) or len(header) < 25 or header[:8] != b"\0\0\0\rIHDR":
        raise ValueError("the image does not begin as PNG does; expected PNG; convert it")
    if zlib.crc32(header[4:21]) != struct.unpack(">I", header[21:])[0]:
        raise ValueError("the image's PNG header is damaged; expected a whole file; write it again")
    width, height = struct.unpack(">II", header[8:16])
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise ValueError(
            f"the image is {width} x {height} pixels; expected 1 to {LARGEST_SIDE} a side; "
            "scale it down"
        )
    return width, height
