"""Shows rows of the index: small previews, and sounds to be played."""

from __future__ import annotations

import base64
import io
import mimetypes
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import compute as pc
from spaner_core.contract.modality import Preview
from spaner_core.data.manifest import Row
from spaner_core.errors import DataError, UnusableInput
from spaner_core.files.ordinary import open_ordinary

from spaner.index.usable_index import usable_index
from spaner.policy.links import is_served
from spaner.preview import show_sample
from spaner.project import Project
from spaner.serve.errors import Refused

PICTURE_BYTES = 15 * 1024
"""Most bytes of a preview's picture, where a quality reaches it."""
QUALITIES = (80, 60, 40, 20)
SOUND_BYTES = 16 * 2**20
KEPT = 512
"""Previews that are kept in memory."""

Shown = Mapping[str, str | None]
"""A preview as JSON: its `text`, and its `picture` as the base64 of a WebP file."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A row of the index, where its input is, and the key of its content."""

    row: Row
    source: Path | str
    content: str


def find_row(project: Project, modality: str, given: str) -> Found:
    """Find a row of the index by its id.

    Raises `Refused` where there is none, or where nothing may find the modality.
    """
    project.config.check_declared([modality])
    if not is_served(project.config, modality):
        raise Refused(403, f"nothing may find {modality!r}, so its rows are not shown")
    index = usable_index(project, modality)
    place = -1 if index is None else pc.index(index.rows.cells["id"], given).as_py()
    if index is None or place < 0:
        raise Refused(404, f"no row of {modality!r} has this id; search anew, or index it")
    (source,) = project.sources(modality, index.rows.take([place]))
    return Found(row=index.rows[place], source=source, content=index.contents[place].as_py())


class Previews:
    """Previews of rows, the last ones kept by the content that they show."""

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


def sound_of(found: Found) -> tuple[bytes, str]:
    """Return the bytes of a row's sound file, and their type.

    Raises `Refused` where it is no file that can be played, `DataError` where it cannot be read.
    """
    kind = None
    if isinstance(found.source, Path):
        kind = mimetypes.guess_type(found.source.name)[0]
    if kind is None or not kind.startswith("audio/") or isinstance(found.source, str):
        raise Refused(404, "this row is no sound file that can be played")
    try:
        with open_ordinary(found.source) as file:
            content = file.read(SOUND_BYTES + 1)
    except OSError as error:
        raise DataError(f"the sound of this row cannot be read now: {error.strerror}") from error
    if len(content) > SOUND_BYTES:
        raise Refused(413, f"the sound has more than {SOUND_BYTES} bytes; open its file instead")
    return content, kind
