from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter
from spaner_core import HeaderCheck, UnusableInput
from spaner_vision.options import HogOptions
from spaner_vision.transform import hog_transform, timm_transform
from torch import Tensor

from tests.plugins.both_ways import BothWays

DATA_CONFIG = {
    **{"input_size": (3, 32, 32), "interpolation": "bicubic", "crop_pct": 1.0},
    **{"crop_mode": "center", "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)},
}


@pytest.fixture
def transform() -> Any:
    """What prepares inputs for a model of timm's; it takes several pages."""
    return BothWays(timm_transform(DATA_CONFIG))


def save(path: Path, image: Image.Image, **arguments: Any) -> Path:
    image.save(path, **arguments)
    return path


def colour_of(transform: Any, path: Path) -> tuple[float, ...]:
    (window,) = transform.prepare(transform.decode(path))
    return tuple(round(float(value), 1) for value in window.mean(dim=(1, 2)))


def write_pdf(path: Path, *sizes: tuple[float, float], password: str | None = None) -> Path:
    writer = PdfWriter()
    for width, height in sizes:
        writer.add_blank_page(width=width, height=height)
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    writer.write(path)
    return path


def colour_pages(path: Path, *colours: str) -> Path:
    first, *rest = [Image.new("RGB", (60, 40), colour) for colour in colours]
    return save(path, first, format="PDF", save_all=True, append_images=rest)


RED = Image.new("RGB", (20, 30), (255, 0, 0))


@pytest.mark.parametrize(
    ("name", "image", "arguments"),
    [
        ("cmyk.jpg", Image.new("CMYK", (20, 30), (0, 255, 255, 0)), {"quality": 95}),
        ("cmyk.tif", Image.new("CMYK", (20, 30), (0, 255, 255, 0)), {}),
        ("palette.gif", RED.convert("P"), {}),
        ("moving.gif", RED, {"save_all": True, "append_images": [Image.new("RGB", (20, 30))]}),
        ("moving.webp", RED, {"save_all": True, "append_images": [Image.new("RGB", (20, 30))]}),
        ("pages.tif", RED, {"save_all": True, "append_images": [Image.new("RGB", (20, 30))]}),
        ("alpha.png", Image.new("RGBA", (20, 30), (255, 0, 0, 255)), {}),
        ("ycc.tif", RED.convert("YCbCr"), {}),
        ("one pixel.bmp", Image.new("RGB", (1, 1), (255, 0, 0)), {}),
        ("JPEG.png", RED, {"format": "JPEG", "quality": 95}),
        ("PNG.pdf", RED, {"format": "PNG"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_red_is_red_however_it_is_stored(
    transform: Any, tmp_path: Path, name: str, image: Image.Image, arguments: dict[str, Any]
) -> None:
    path = save(tmp_path / name, image, **arguments)
    transform.check_header(path)
    assert colour_of(transform, path) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("image", "grey"),
    [
        (Image.new("1", (9, 9), 1), 1.0),
        (Image.new("L", (9, 9), 51), 0.2),
        (Image.new("LA", (9, 9), (0, 0)), 1.0),  # seen before white
        (Image.fromarray(np.full((9, 9), 0.4 * 65535, dtype=np.uint16)), 0.4),
    ],
    ids=["one bit", "grey", "see-through", "16 bits"],
)
def test_grey_pictures_are_seen_in_grey(
    transform: Any, tmp_path: Path, image: Image.Image, grey: float
) -> None:
    assert colour_of(transform, save(tmp_path / "grey.png", image)) == (grey, grey, grey)


@pytest.mark.parametrize(
    "name", ["two words.png", "two\nlines.png", "🙂.png", os.fsdecode(b"caf\xe9.png"), "#page=.png"]
)
@pytest.mark.parametrize("content", ["picture", "document", "nothing"])
def test_any_name_will_do(transform: Any, tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    if content == "nothing":
        path.touch()
        with pytest.raises(UnusableInput, match="empty") as refusal:
            transform.decode(path)
        assert len(str(refusal.value).splitlines()) == 1
        return
    file = io.BytesIO()  # Pillow would write the name into a document
    RED.save(file, format="PNG" if content == "picture" else "PDF")
    path.write_bytes(file.getvalue())
    transform.check_header(path)
    assert colour_of(transform, path) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.gif", "a.tif", "a.webp", "a.pdf"])
def test_half_a_file_is_refused_not_read_in_part(transform: Any, tmp_path: Path, name: str) -> None:
    noise = np.random.RandomState(0).randint(0, 255, (90, 80, 3), dtype=np.uint8)
    path = save(tmp_path / name, Image.fromarray(noise))
    whole = path.read_bytes()
    assert transform.decode(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnusableInput):
        transform.decode(path)


def bare_png(width: int, height: int) -> bytes:
    """A PNG of a given size, told by its header and by nothing else."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bare_png(10_000, 9_000), "too large"),
        (bare_png(60_000, 60_000), "too large"),
        (bare_png(0, 5), "no picture"),
        (bare_png(2, 9_000), "a strip of 2 x 9000"),
        (b"", "empty"),
        (b"GIF89a", "no picture"),
        (b"%PDF-1.7\nnothing", "damaged"),
    ],
    ids=["large", "huge", "no width", "strip", "empty", "header cut", "no document"],
)
def test_the_beginning_is_enough_to_refuse(
    transform: Any, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    assert isinstance(transform, HeaderCheck)
    for look in (transform.check_header, transform.decode):
        with pytest.raises(UnusableInput, match=message) as refusal:
            look(path)
        assert len(str(refusal.value).splitlines()) == 1


def test_32_bits_a_pixel_are_refused_by_the_header(transform: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "float.tif", Image.fromarray(np.ones((9, 9), dtype=np.float32)))
    with pytest.raises(UnusableInput, match="mode F"):
        transform.check_header(path)


def test_what_is_missing_or_a_folder_is_refused(transform: Any, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.png", tmp_path, tmp_path / ("long" * 999), tmp_path / "\0"):
        for look in (transform.check_header, transform.decode):
            with pytest.raises(UnusableInput, match="correct the path"):
                look(path)


def test_a_document_gives_a_window_a_page_and_a_number_picks_one(
    transform: Any, tmp_path: Path
) -> None:
    path = colour_pages(tmp_path / "pages.PDF", "red", "lime", "blue")

    def colours(name: str) -> list[int]:
        return [int(w.mean(dim=(1, 2)).argmax()) for w in prepared(transform, tmp_path / name)]

    assert colours("pages.PDF") == [0, 1, 2]
    assert colours("pages.PDF#page=2") == [1]
    transform.check_header(tmp_path / "pages.PDF#page=3")
    colour_pages(path.with_name("pages.PDF#page=1"), "blue", "blue")  # a file that is called so
    assert colours("pages.PDF#page=1") == [2, 2]


def prepared(transform: Any, path: Path) -> list[Tensor]:
    windows: list[Tensor] = transform.prepare(transform.decode(path))
    return windows


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("a.pdf#page=3", "page 3 is asked of a document of 2 pages; expected 1 to 2"),
        ("a.pdf#page=0", "page 0"),
        ("a.pdf#page=two", "no such file"),
        ("b.pdf#page=1", "no such file"),
        ("locked.pdf", "encrypted"),
        ("none.pdf", "damaged or has no pages"),
        ("long.pdf", r"has 65 pages; expected at most 64; name one, as in file\.pdf#page=1"),
        ("ribbon.pdf", "a strip"),
        ("a.png#page=1", "a file that is no PDF"),
    ],
)
def test_pages_that_cannot_be_had_are_refused_before_any_is_drawn(
    transform: Any, tmp_path: Path, asked: str, message: str
) -> None:
    write_pdf(tmp_path / "a.pdf", (60, 40), (40, 60))
    write_pdf(tmp_path / "locked.pdf", (60, 40), password="secret")
    write_pdf(tmp_path / "none.pdf")
    write_pdf(tmp_path / "long.pdf", *[(60, 40)] * 65)
    write_pdf(tmp_path / "ribbon.pdf", (6000, 40))
    save(tmp_path / "a.png", RED)
    for look in (transform.check_header, transform.decode):
        with pytest.raises(UnusableInput, match=message):
            look(tmp_path / asked)


def test_one_page_of_a_long_document_is_read(transform: Any, tmp_path: Path) -> None:
    write_pdf(tmp_path / "long.pdf", *[(60, 40)] * 65)
    assert len(prepared(transform, tmp_path / "long.pdf#page=65")) == 1


def test_paper_of_any_size_is_drawn_alike(transform: Any, tmp_path: Path) -> None:
    drawing = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(drawing).ellipse((40, 40, 200, 260), fill="navy")
    stamp = save(tmp_path / "stamp.pdf", drawing, resolution=1000)
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(stamp.read_bytes())))
    writer.pages[0].scale_by(400)  # some 4 m wide
    writer.write(tmp_path / "poster.pdf")
    (small,), (large,) = (transform.decode(tmp_path / f"{n}.pdf") for n in ("stamp", "poster"))
    assert max(small.size) == max(large.size) == 1024
    one, other = (prepared(transform, tmp_path / f"{n}.pdf")[0] for n in ("stamp", "poster"))
    torch.testing.assert_close(one, other, atol=0.1, rtol=0)
    assert one.std() > 0.2


def test_hog_reads_one_page_and_says_so(tmp_path: Path) -> None:
    transform = BothWays(hog_transform(HogOptions()))
    colour_pages(tmp_path / "one.pdf", "red")
    colour_pages(tmp_path / "two.pdf", "red", "blue")
    assert len(prepared(transform, tmp_path / "one.pdf")) == 1
    assert len(prepared(transform, tmp_path / "two.pdf#page=2")) == 1
    for look in (transform.check_header, transform.decode):
        with pytest.raises(UnusableInput, match="has 2 pages; expected at most 1"):
            look(tmp_path / "two.pdf")
