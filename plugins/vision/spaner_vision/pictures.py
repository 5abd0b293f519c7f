"""Picture files, whatever stands around their pixels, as upright 8-bit RGB."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from PIL import Image, UnidentifiedImageError
from spaner_core import UnusableInput, quiet_libraries

from spaner_vision.formats import FORMATS, name_format
from spaner_vision.limits import MOST_PIXELS, Limits, check_size
from spaner_vision.mending import mended
from spaner_vision.orientation import upright
from spaner_vision.pixels import Depth, to_rgb, warn_of_darkness

T = TypeVar("T")


def read_picture(path: Path, limits: Limits) -> Image.Image:
    """Read a picture upright and in RGB; of a file with several frames, the first.

    Metadata that are damaged or too large are passed over. Raises `UnusableInput`, and whatever
    Pillow raises on damaged pixels.
    """

    def read(image: Image.Image) -> Image.Image:
        depth = Depth.of(image)
        with quiet_libraries():  # libtiff
            image.load()
        seen = to_rgb(upright(image), depth)
        warn_of_darkness(seen, depth, name=str(path))
        return seen

    return _with_picture(path, limits, read)


def check_picture(path: Path, limits: Limits) -> None:
    """Read no more than the header. Raises what `read_picture` raises, as far as that tells."""
    _with_picture(path, limits, lambda image: None)


def _with_picture(path: Path, limits: Limits, use: Callable[[Image.Image], T]) -> T:
    """Use a picture as it is, or what is left of its file without all that pixels do not need."""
    with _named_refusals(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of sizes and metadata that are dealt with here
        try:
            with _open(path) as image:
                _check(image, limits)
                return use(image)
        except UnusableInput:
            raise
        except Exception:  # on damaged files decoders raise whatever their code meets
            content = mended(path)
            if content is None:
                raise
        with _open(io.BytesIO(content)) as image:
            _check(image, limits)
            return use(image)


def _open(source: Path | IO[bytes]) -> Image.Image:
    with quiet_libraries():  # what is wrong is raised as well
        return Image.open(source, formats=FORMATS)


@contextmanager
def _named_refusals(path: Path) -> Iterator[None]:
    """Say in plain words what Pillow refuses by its header."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise UnusableInput(
            f"the picture is too large; expected at most {MOST_PIXELS:,} pixels in all; scale it "
            "down or cut it"
        ) from error
    except UnidentifiedImageError as error:
        with path.open("rb") as file:
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


def _check(image: Image.Image, limits: Limits) -> None:
    check_size(*image.size, limits=limits)
    if image.mode in ("I", "F"):  # nothing in the file says which number is white
        raise UnusableInput(
            f"its pixels have 32 bits (mode {image.mode}); expected 8 or 16; export it again"
        )
