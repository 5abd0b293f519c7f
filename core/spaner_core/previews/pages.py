"""Shows previews on a page: escaped text, embedded images, nothing else."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from spaner_core.contract.modality import LARGEST_PREVIEW, Preview

if TYPE_CHECKING:
    from PIL import Image

LARGEST_SIDE = 4096

_END = b"\0\0\0\0IEND\xaeB`\x82"

_FIGURE = """\
<figure>{% if png is none %}<pre>{{ text }}</pre>\
{% else %}<img src="data:image/png;base64,{{ png }}" alt="">\
{% if text is not none %}<figcaption>{{ text }}</figcaption>{% endif %}\
{% endif %}</figure>"""


def preview_html(preview: Preview) -> str:
    """Write a preview as one HTML `figure`: `img` and `figcaption`, or `pre` for text alone.

    Raises `ValueError` when it holds neither text nor image, more than `LARGEST_PREVIEW` bytes of
    either, or an image that is no usable PNG.
    """
    from jinja2 import Environment

    if preview.png is None and preview.text is None:
        raise ValueError("the preview is empty; expected a text or a PNG image; give one of them")
    if preview.text is not None:
        _check_size("the text", len(preview.text.encode("utf-8", "surrogatepass")))
    png = None
    if preview.png is not None:
        check_png(preview.png)
        png = base64.b64encode(preview.png).decode("ascii")
    figure = Environment(autoescape=True).from_string(_FIGURE)
    return figure.render(png=png, text=preview.text)


def check_png(content: bytes) -> tuple[int, int]:
    """Return width and height of a PNG image.

    Raises `ValueError` when it is none, is damaged, holds more than an image, or is too large to be
    shown. Its pixels are not decoded.
    """
    from PIL import Image

    _check_size("the image", len(content))
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            width, height = image.size
            image.verify()
    except Exception as error:  # on damaged files decoders raise whatever their code meets
        raise ValueError(
            "the image is no PNG, or damaged; expected a whole PNG file; write it again"
        ) from error
    if not content.endswith(_END):
        raise ValueError("the image does not end as a PNG file does; expected one; write it again")
    if max(width, height) > LARGEST_SIDE:
        raise ValueError(
            f"the image is {width} x {height} pixels; expected 1 to {LARGEST_SIDE} a side; "
            "scale it down"
        )
    return width, height


def png_of(image: Image.Image) -> bytes:
    """Return an image as a PNG file, for a preview: one of 256 x 256 pixels is small enough."""
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def _check_size(what: str, size: int) -> None:
    if size > LARGEST_PREVIEW:
        raise ValueError(
            f"{what} has {size} bytes; expected at most {LARGEST_PREVIEW}; make it smaller"
        )
