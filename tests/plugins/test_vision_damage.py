"""Pictures with whole pixels and something wrong around them, or pixels kept in an odd way."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, features
from spaner_core import UnusableInput
from spaner_vision.options import HogOptions
from spaner_vision.transform import hog_transform

from tests.plugins.both_ways import BothWays

ORIENTATION, MAKER, X_RESOLUTION = 0x112, 0x10F, 0x11A

Read = Callable[[bytes], NDArray[np.uint8]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Look at a file's header, then read its pixels (H, W, 3)."""
    transform = BothWays(hog_transform(HogOptions()))

    def look_and_read(content: bytes) -> NDArray[np.uint8]:
        (tmp_path / "picture").write_bytes(content)
        transform.check_header(tmp_path / "picture")
        (page,) = transform.decode(tmp_path / "picture")
        return np.asarray(page)

    return look_and_read


def noise(*shape: int, most: int = 255, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.RandomState(seed).randint(0, most + 1, shape).astype(np.uint8)


PICTURE = Image.fromarray(noise(20, 30, 3))


def stored(image: Image.Image, kind: str, **arguments: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format=kind, **arguments)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    notes = Image.Exif()
    notes[ORIENTATION] = orientation
    notes[MAKER] = "maker"
    notes[X_RESOLUTION] = 72.0
    return notes.tobytes()


def xmp(orientation: int) -> str:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="{orientation}"/></x:xmpmeta>'


def lossless(kind: str) -> dict[str, Any]:
    return {"lossless": True} if kind == "WEBP" else {}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_an_orientation_is_honoured_beside_a_note_of_a_wrong_type(
    read: Read, kind: str, orientation: int
) -> None:
    plain = stored(PICTURE, kind, exif=exif(orientation), **lossless(kind))
    upright = read(plain)
    assert upright.shape == ((30, 20, 3) if orientation > 4 else (20, 30, 3))
    order = ">" if plain.find(b"MM\0*") >= 0 else "<"
    entry = struct.pack(f"{order}HHI", X_RESOLUTION, 5, 1)
    assert plain.count(entry) == 1
    broken = plain.replace(entry, struct.pack(f"{order}HHI", X_RESOLUTION, 12, 1))  # a double
    assert np.array_equal(read(crc_mended(broken) if kind == "PNG" else broken), upright)


def crc_mended(png: bytes) -> bytes:
    """Write a PNG's checksums anew."""
    place = 8
    while place < len(png):
        end = place + 8 + int.from_bytes(png[place : place + 4])
        checksum = struct.pack(">I", zlib.crc32(png[place + 4 : end]))
        png = png[:end] + checksum + png[end + 4 :]
        place = end + 4
    return png


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    "garbage", [b"", b"garbage", b"\0\x08\0\2\x01\x12", b"MM\0*\0\0\0\x08\xff\xff"]
)
def test_exif_that_is_none_does_not_matter_and_xmp_still_counts(
    read: Read, kind: str, garbage: bytes
) -> None:
    plain = read(stored(PICTURE, kind, **lossless(kind)))
    assert np.array_equal(
        read(stored(PICTURE, kind, exif=b"Exif\0\0" + garbage, **lossless(kind))), plain
    )
    if kind == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_itxt("XML:com.adobe.xmp", xmp(3))
        also: dict[str, Any] = {"pnginfo": notes}
    else:
        also = {"xmp": xmp(3).encode(), **lossless(kind)}
    turned = read(stored(PICTURE, kind, exif=b"Exif\0\0" + garbage, **also))
    assert np.array_equal(turned, plain[::-1, ::-1])


def chunk(kind: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


HUGE = zlib.compress(bytes(3 * 2**20))
DAMAGED_CHUNKS = {
    "large text": chunk(b"zTXt", b"note\0\0" + HUGE),
    "large international text": chunk(b"iTXt", b"note\0\1\0\0\0" + HUGE),
    "large profile": chunk(b"iCCP", b"profile\0\0" + HUGE),
    "profile of another compression": chunk(b"iCCP", b"profile\0\7" + HUGE),
    "checksum": chunk(b"tEXt", b"note\0words")[:-4] + b"\0\0\0\0",
    "short": chunk(b"pHYs", b"\0"),
    "no time": chunk(b"gAMA", b""),
}


@pytest.mark.parametrize("damaged", DAMAGED_CHUNKS.values(), ids=DAMAGED_CHUNKS)
def test_a_png_is_read_whatever_its_notes_are(read: Read, damaged: bytes) -> None:
    whole = stored(PICTURE, "PNG")
    notes = chunk(b"eXIf", exif(6)[6:])
    upright = np.rot90(np.asarray(PICTURE), -1)
    pixels, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    for place in (pixels, end):
        spoilt = whole[:place] + damaged + whole[place:]
        assert np.array_equal(read(spoilt), np.asarray(PICTURE))
        turned = spoilt[:pixels] + notes + spoilt[pixels:]
        assert np.array_equal(read(turned), upright)


def test_damaged_pixels_of_a_png_with_damaged_notes_are_refused(read: Read) -> None:
    whole = stored(PICTURE, "PNG")
    place = whole.index(b"IDAT") - 4
    for spoilt in (whole[: place + 500], whole.replace(b"IHDR", b"IHDS")):
        with pytest.raises(UnusableInput):
            read(spoilt[:place] + DAMAGED_CHUNKS["checksum"] + spoilt[place:])


JPEGS: dict[str, dict[str, Any]] = {
    "sequential": {},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_rows": 1},
    "progressive with restarts": {"progressive": True, "restart_marker_blocks": 1},
}


@pytest.mark.parametrize("arguments", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_lacks_its_end_mark_or_pixels_but_not_both_look_alike(
    read: Read, arguments: dict[str, Any]
) -> None:
    whole = stored(Image.fromarray(noise(24, 40, 3, seed=1)), "JPEG", **arguments)
    pixels = read(whole)
    assert np.array_equal(read(whole[:-2]), pixels)
    assert np.array_equal(read(whole[:-1]), pixels)
    assert np.array_equal(read(whole[:-2] + bytes(100)), pixels)
    for cut in (*range(3, 40), *range(40, len(whole) - whole.index(b"\xff\xda"), 37)):
        with pytest.raises(UnusableInput):
            read(whole[:-cut])


def grey_png(depth: int, samples: bytes, *, width: int, transparent: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, 1, depth, 0, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"tRNS", struct.pack(">H", transparent)),
            chunk(b"IDAT", zlib.compress(b"\0" + samples)),
            chunk(b"IEND", b""),
        )
    )


@pytest.mark.parametrize(
    ("depth", "samples", "transparent", "seen"),
    [
        (16, struct.pack(">4H", 0, 25_700, 25_701, 65_535), 25_700, [0, 255, 100, 255]),
        (8, bytes([0, 100, 101, 255]), 100, [0, 255, 101, 255]),
        (4, b"\x05\x6f", 5, [0, 255, 102, 255]),
        (2, b"\x1b", 1, [0, 255, 170, 255]),
        (2, b"\x1b", 0, [255, 85, 170, 255]),
    ],
)
def test_a_grey_value_that_stands_for_transparency_is_seen_white(
    read: Read, depth: int, samples: bytes, transparent: int, seen: list[int]
) -> None:
    pixels = read(grey_png(depth, samples, width=4, transparent=transparent))
    assert pixels[0, :, 0].tolist() == seen


def tiff(bits: int, samples: bytes, *, width: int, photometric: int) -> bytes:
    tags = [(256, 3, width), (257, 3, 1), (258, 3, bits), (259, 3, 1), (262, 3, photometric)]
    tags += [(273, 4, 8), (277, 3, 1), (278, 3, 1), (279, 4, len(samples))]
    body = samples + bytes(len(samples) % 2)
    entries = (struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    beginning = b"II*\0" + struct.pack("<I", 8 + len(body)) + body + struct.pack("<H", len(tags))
    return b"".join((beginning, *entries, bytes(4)))


def test_a_tiff_of_12_bits_or_with_white_at_0_is_seen_as_bright_as_it_is(read: Read) -> None:
    twelve = tiff(12, bytes([0xFF, 0xF8, 0x00, 0x00, 0x00, 0x00]), width=4, photometric=1)
    assert read(twelve)[0, :, 0].tolist() == [255, 128, 0, 0]
    inverted = tiff(16, struct.pack("<3H", 0, 25_700, 65_535), width=3, photometric=0)
    assert read(inverted)[0, :, 0].tolist() == [255, 155, 0]


@pytest.mark.parametrize("most", [1023, 4095, 16_383])
def test_few_bits_in_pixels_of_16_are_told_and_dark_pictures_of_8_are_not(
    read: Read, caplog: pytest.LogCaptureFixture, most: int
) -> None:
    deep = np.linspace(0, most, 81).reshape(9, 9).astype(np.uint16)
    with caplog.at_level(logging.WARNING):
        read(stored(Image.fromarray(noise(9, 9, most=20)), "PNG"))
        read(stored(Image.fromarray(deep * (65_535 // most)), "PNG"))
        read(stored(Image.fromarray(deep * 0), "PNG"))
        assert caplog.messages == []
        read(stored(Image.fromarray(deep), "PNG"))
    (message,) = caplog.messages
    assert "picture" in message
    assert "16 bits" in message


def test_pictures_of_other_formats_are_named_with_what_to_do(read: Read) -> None:
    box = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    for content, name in ((box, "HEIC"), (b"\xff\x0a" + bytes(100), "JPEG XL")):
        with pytest.raises(UnusableInput, match=f"{name}, which is not read here.*convert it"):
            read(content)


@pytest.mark.skipif(not features.check_module("avif"), reason="this Pillow reads no AVIF")
def test_avif_is_read_upright_and_refused_in_halves(read: Read) -> None:
    whole = stored(Image.new("RGB", (40, 20), (255, 0, 0)), "AVIF", exif=exif(6), quality=100)
    pixels = read(whole)
    assert pixels.shape == (40, 20, 3)
    assert (abs(pixels.astype(int) - (255, 0, 0)) < 6).all()
    with pytest.raises(UnusableInput, match=r"cannot be read|damaged"):
        read(whole[: len(whole) // 2])


def test_what_decoders_print_or_warn_of_is_kept_from_the_terminal(
    read: Read, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    content = stored(PICTURE, "TIFF", compression="tiff_lzw")
    with pytest.raises(UnusableInput):
        read(content[:20] + b"\xff" * 200 + content[220:])
    read(stored(PICTURE, "JPEG", exif=exif(6)[:40]))
    assert capfd.readouterr().err == ""
    assert not recwarn
