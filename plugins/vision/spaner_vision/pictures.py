"""Reads picture files as upright 8-bit RGB."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

from PIL import Image, UnidentifiedImageError
from spaner_core import UnusableInput, quiet_libraries

from spaner_vision.formats import FORMATS, name_format
from spaner_vision.limits import MOST_PIXELS, Limits, check_size
from spaner_vision.mending import mended
from spaner_vision.orientation import upright
from spaner_vision.pixels import Depth, to_rgb, warn_of_darkness

T = TypeVar("T")


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
