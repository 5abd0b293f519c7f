"""Shows rows of the index: small previews, and sounds to be played."""

from __future__ import annotations

import base64
import io
import mimetypes
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spaner_core.contract.modality import Preview
from spaner_core.errors import DataError, UnusableInput

from spaner.preview import show_sample
from spaner.project import Project
from spaner.serve.errors import Refused
from spaner.serve.indexed import Found

PICTURE_BYTES = 15 * 1024
"""Most bytes of a preview's picture, where a quality reaches it."""
QUALITIES = (80, 60, 40, 20)
KEPT = 512
"""Previews that are kept in memory."""

Shown = Mapping[str, str | None]
"""A preview as JSON: its `text`, and its `picture` as the base64 of a WebP file."""


class Previews:
    """Previews of rows; the last ones are kept by the content that they show."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Shown] = OrderedDict()

    def of(self, project: Project, found: Found) -> Shown:
        """Return the preview of a row. Raises `DataError` where its input cannot be read."""
        key = (found.row.modality, found.content)
        if key not in self._kept:
            self._kept[key] = _show_source(project, found.row.modality, found.source)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def _show_source(project: Project, modality: str, source: Path | str) -> Shown:
    try:
        sample = project.assembly.modality(modality).transform.decode(source)
    except UnusableInput as error:
        raise DataError(f"the input of this row cannot be read now: {error}") from error
    return as_json(show_sample(project, modality, sample))


def as_json(preview: Preview) -> Shown:
    """Return a preview as JSON, its picture small."""
    picture = None if preview.png is None else _small(preview.png)
    return {
        "text": preview.text,
        "picture": None if picture is None else base64.b64encode(picture).decode("ascii"),
    }


def _small(png: bytes) -> bytes:
    """Return a picture as WebP: without loss where it is small enough so, as drawings are."""
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        exact = _webp(image, lossless=True)
        if len(exact) <= PICTURE_BYTES:
            return exact
        written = (_webp(image, quality=quality) for quality in QUALITIES)
        return next((small for small in written if len(small) <= PICTURE_BYTES), exact)


def _webp(image: Any, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format="WEBP", method=2, **how)
    return file.getvalue()


def kind_of_sound(found: Found) -> str | None:
    """Return the type of a row's sound, None where its input is no sound file."""
    if not isinstance(found.source, Path):
        return None
    kind, _ = mimetypes.guess_type(found.source.name)
    return kind if kind is not None and kind.startswith("audio/") else None


def sound_of(found: Found) -> tuple[Path, str]:
    """Return the file of a row's sound, and its type.

    Raises `Refused` where it is no file that can be played, `DataError` where it is gone.
    """
    kind = kind_of_sound(found)
    if kind is None or not isinstance(found.source, Path):
        raise Refused(404, "this row is no sound file that can be played")
    if not found.source.is_file():
        raise DataError("the sound of this row is no file any more; restore it")
    return found.source, kind
