"""Uploads, which are in no file: read as files are, named in what is said, and written nowhere."""

from __future__ import annotations

import builtins
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from spaner_core import Content, UnusableInput
from spaner_vision.reading.limits import Limits
from spaner_vision.reading.pages import read_pages

LIMITS = Limits(pages=9, unevenness=100)


def pdf(*colours: str) -> bytes:
    first, *rest = [Image.new("RGB", (60, 40), colour) for colour in colours]
    file = io.BytesIO()
    first.save(file, format="PDF", save_all=True, append_images=rest)
    return file.getvalue()


@contextmanager
def no_files_written() -> Iterator[None]:
    """Fail where a file is opened to be written, by Python or below it."""
    opened: list[tuple[object, int]] = []
    active = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if active and event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            opened.append((arguments[0], arguments[2]))

    sys.addaudithook(watch)
    try:
        yield
    finally:
        active = False
    assert [name for name, _ in opened if name != os.devnull] == []


@pytest.mark.parametrize("modality", ["vision", "audio", "text", "sensor"])
def test_examples_are_read_from_bytes_without_a_file_written(
    modality: str, tmp_path: Path, load: Callable[[str], Any]
) -> None:
    __import__(f"spaner_{modality}").spaner_examples(tmp_path)
    _, transform = load(modality).build()
    files = sorted(file for file in tmp_path.iterdir() if file.is_file())
    uploads = [Content(file.read_bytes(), file.name, file.suffix) for file in files]
    for upload in uploads:
        transform.decode(upload)  # libraries write their caches now
    with no_files_written():
        assert all(len(transform.prepare(transform.decode(upload))) for upload in uploads)


def test_a_page_of_an_uploaded_document_is_asked_for_in_its_name() -> None:
    content = pdf("red", "lime", "blue")
    (page,) = read_pages(Content(content, "plan.pdf#page=2", ".pdf"), LIMITS)
    assert page.getpixel((30, 20)) == pytest.approx((0, 255, 0), abs=9)
    assert len(read_pages(Content(content, "plan.pdf", ".pdf"), LIMITS)) == 3
    with pytest.raises(UnusableInput, match="page 4 is asked of a document of 3 pages"):
        read_pages(Content(content, "plan.pdf#page=4", ".pdf"), LIMITS)


def test_warnings_name_the_upload(
    load: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.ones(16_000), 16_000, format="WAV", subtype="PCM_16")
    _, transform = load("audio").build()
    with caplog.at_level(logging.WARNING):
        transform.decode(Content(file.getvalue(), "uploaded by Eve.wav", ".wav"))
    (message,) = caplog.messages
    assert message.startswith("'uploaded by Eve.wav': clipped")


def test_bytes_count_for_more_than_an_upload_s_suffix_where_formats_have_marks(
    load: Callable[[str], Any],
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(file, format="PNG")
    _, transform = load("vision").build()
    (page,) = transform.decode(Content(file.getvalue(), "no name", ""))
    assert page.size == (20, 20)


def test_a_cut_off_array_in_memory_is_refused_as_a_file_is(load: Callable[[str], Any]) -> None:
    file = io.BytesIO()
    np.save(file, np.zeros((100, 6)))
    _, transform = load("sensor").build()
    with pytest.raises(UnusableInput, match="the file cannot be read"):
        transform.decode(Content(file.getvalue()[:-8], "cut.npy", ".npy"))


def test_objects_in_arrays_are_never_unpickled(load: Callable[[str], Any], tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return builtins.open, (str(marker), "w")

    file = io.BytesIO()
    np.save(file, np.array([[Evil()] * 6] * 60, dtype=object), allow_pickle=True)
    _, transform = load("sensor").build()
    with pytest.raises(UnusableInput, match="it holds Python objects"):
        transform.decode(Content(file.getvalue(), "evil.npy", ".npy"))
    assert not marker.exists()
