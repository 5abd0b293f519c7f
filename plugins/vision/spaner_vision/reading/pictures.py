"""Reads picture files as upright 8-bit RGB."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

from PIL import Image, UnidentifiedImageError, features
from spaner_core import UnusableInput, quiet_libraries

from spaner_vision.reading.limits import MOST_PIXELS, Limits, check_size
from spaner_vision.reading.mending import mended
from spaner_vision.reading.pixels import Depth, to_rgb, upright, warn_of_darkness

AVIF = "AVIF"

FORMATS = (
    *("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"),
    *([AVIF] if "avif" in features.modules and features.check_module("avif") else []),
)
"""Formats that are opened: Pillow knows more, some of which start other programs.

AVIF only where this Pillow was built with it.
"""

_BRANDS = (
    ((b"avif", b"avis"), AVIF),
    ((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
)
"""Marks in the first box of files of this family; AVIF may bear the last two as well."""

_BEGINNINGS = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop (.psd)"),
    (b"\0\0\x01\0", "an icon (.ico)"),
    (b"%!PS", "PostScript"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML, SVG perhaps"),
)
"""How files of other kinds begin, and what they are called."""

T = TypeVar("T")


def name_format(beginning: bytes) -> str | None:
    """Name the format of a file that is not read from its first 32 bytes; None if unknown."""
    if beginning[4:8] == b"ftyp":
        brands = {beginning[place : place + 4] for place in (8, *range(16, 32, 4))}
        named = next((name for marks, name in _BRANDS if brands.intersection(marks)), None)
    else:
        named = next((name for start, name in _BEGINNINGS if beginning.startswith(start)), None)
    return None if named in FORMATS else named


def read_picture(file: BinaryIO, limits: Limits, *, name: str) -> Image.Image:
    """Read a picture upright and in RGB; of a file with several frames, the first.

    `name` is what warnings call it. Metadata that are damaged or too large are passed over. Raises
    `UnusableInput`, and whatever Pillow raises on damaged pixels.
    """
    return _with_picture(file, limits, lambda image: see(image, name=name))


def see(image: Image.Image, *, name: str) -> Image.Image:
    """Return the pixels of an opened image as a new one, upright and in RGB."""
    depth = Depth.of(image)
    with quiet_libraries():  # libtiff
        image.load()
    seen = to_rgb(upright(image), depth)
    warn_of_darkness(seen, depth, name=name)
    return seen


def check_picture(file: BinaryIO, limits: Limits) -> None:
    """Read no more than the header. Raises what `read_picture` raises, as far as that tells."""
    _with_picture(file, limits, lambda image: None)


def check_image(image: Image.Image, limits: Limits) -> None:
    """Raise `UnusableInput` where size or pixels of an opened image cannot be used."""
    check_size(*image.size, limits=limits)
    if image.mode in ("I", "F"):  # nothing in the file says which number is white
        raise UnusableInput(
            f"its pixels have 32 bits (mode {image.mode}); expected 8 or 16; export it again"
        )


def _with_picture(file: BinaryIO, limits: Limits, use: Callable[[Image.Image], T]) -> T:
    """Use a picture as it is, or what is left of its file without all that pixels do not need."""
    with _named_refusals(file), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of sizes and metadata that are dealt with here
        try:
            with _open(file) as image:
                check_image(image, limits)
                return use(image)
        except UnusableInput:
            raise
        except Exception:  # on damaged files decoders raise whatever their code meets
            content = mended(file)
            if content is None:
                raise
        with _open(io.BytesIO(content)) as image:
            check_image(image, limits)
            return use(image)


def _open(file: BinaryIO) -> Image.Image:
    file.seek(0)
    with quiet_libraries():  # what is wrong is raised as well
        return Image.open(file, formats=FORMATS)


@contextmanager
def _named_refusals(file: BinaryIO) -> Iterator[None]:
    """Say in plain words what Pillow refuses by its header."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise UnusableInput(
            f"the picture is too large; expected at most {MOST_PIXELS:,} pixels in all; scale it "
            "down or cut it"
        ) from error
    except UnidentifiedImageError as error:
        file.seek(0)
        name = name_format(file.read(32))
        expected = f"expected {', '.join(FORMATS)} or PDF, whatever its suffix"
        if name is not None:
            raise UnusableInput(
                f"the picture is {name}, which is not read here; {expected}; convert it, for "
                "example with: magick INPUT OUTPUT.png"
            ) from error
        raise UnusableInput(
            f"it is no picture or its beginning is damaged; {expected}; export it again"
        ) from error
