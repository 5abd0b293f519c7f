"""Which plugin an input could be for: told by its first bytes, without anything heavy."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
import spaner_audio
import spaner_sensor
import spaner_text
import spaner_vision
from PIL import Image
from spaner_core import HEAD_BYTES

PLUGINS = {
    "vision": spaner_vision,
    "audio": spaner_audio,
    "text": spaner_text,
    "sensor": spaner_sensor,
}


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(file, format=kind)
    return file.getvalue()


def sound(kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(9000) / 5) / 2, 16_000, format=kind)
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"a": [1.0]}), file)
    return file.getvalue()


def arrow() -> bytes:
    file = io.BytesIO()
    table = pyarrow.table({"a": [1.0]})
    with pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


CSV = b"t,acc x\n0.0,1\n0.1,2\n0.2,3\n"

GIVEN = [
    *[(picture(kind), ["vision"]) for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")],
    (picture("PDF"), ["vision", "text"]),
    (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", ["vision"]),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ["vision"]),
    *[(sound(kind), ["audio"]) for kind in ("WAV", "FLAC", "OGG", "MP3", "AIFF", "AU")],
    (b"ID3\x04\0\0\0\0\0\0" + bytes(99), ["audio"]),
    (b"\0\0\0\x20ftypM4A \0\0\0\0", ["audio"]),
    (parquet(), ["sensor"]),
    (arrow(), ["sensor"]),
    (npy(), ["sensor"]),
    (CSV, ["text", "sensor"]),
    (CSV.replace(b",", b";"), ["text", "sensor"]),
    ("Ein Satz, über Öl.\nEin zweiter.\n".encode(), ["text"]),
    (b"", []),
    (bytes(range(256)), []),
]


def recognised(content: bytes, suffix: str | None) -> list[str]:
    head = content[:HEAD_BYTES]
    return [name for name, plugin in PLUGINS.items() if plugin.spaner_recognise(head, suffix)]


@pytest.mark.parametrize(("content", "expected"), GIVEN)
def test_inputs_without_a_suffix_are_told_by_their_bytes(
    content: bytes, expected: list[str]
) -> None:
    assert recognised(content, None) == expected


@pytest.mark.parametrize(
    ("content", "suffix", "expected"),
    [
        (CSV, ".csv", ["sensor"]),
        (CSV, ".txt", ["text"]),
        (CSV, ".log", []),
        (b"a note", ".csv", ["sensor"]),
        (picture("PNG"), ".csv", ["vision"]),
        (sound("WAV"), ".png", ["audio"]),
        (b"no picture", ".png", []),
        (bytes(50), ".txt", []),
        ("zwei".encode("utf-16"), ".txt", ["text"]),
        (bytes(50), ".mp3", ["audio"]),
    ],
)
def test_bytes_say_more_than_a_suffix(content: bytes, suffix: str, expected: list[str]) -> None:
    assert recognised(content, suffix) == expected


def test_a_head_that_ends_within_a_character_is_still_text() -> None:
    assert recognised(("é" * HEAD_BYTES).encode()[1 - 1 : HEAD_BYTES - 1], None) == ["text"]


def test_nothing_heavy_is_imported_to_recognise() -> None:
    program = (
        "import sys\n"
        "import spaner_vision, spaner_audio, spaner_text, spaner_sensor\n"
        "for plugin in (spaner_vision, spaner_audio, spaner_text, spaner_sensor):\n"
        "    plugin.spaner_recognise(b'%PDF-', '.pdf')\n"
        "heavy = {'torch', 'numpy', 'PIL', 'soundfile', 'pyarrow', 'transformers'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
