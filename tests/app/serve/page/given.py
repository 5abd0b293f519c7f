"""What is given to the page, and what the service itself answers to it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from tests.app.serve.services import Service, sent_file

TEXTS = {"hit": b"three", "no match": b"digit", "unfamiliar": b"a purple elephant", "error": b""}
SUFFIXES = {"vision": ".png", "audio": ".flac", "sensor": ".csv"}


def _noise(modality: str) -> tuple[str, bytes]:
    draw, file = np.random.default_rng(0), io.BytesIO()
    if modality == "vision":
        pixels = draw.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, "PNG")
        return "noise.png", file.getvalue()
    soundfile.write(file, draw.normal(0, 0.2, 16_000), 16_000, format="WAV")
    return "noise.wav", file.getvalue()


@cache
def what(service: Service, modality: str, outcome: str) -> tuple[str, bytes]:
    """Return a file's name and content that the service answers so."""
    if modality == "text":
        return "question.txt", TEXTS[outcome]
    suffix = SUFFIXES[modality]
    if outcome == "error":
        return f"broken{suffix}", b"\x89PNG\r\n\x1a\n" if modality == "vision" else b"\0broken"
    if outcome == "unfamiliar":
        return _noise(modality)
    for path in _examples(service.folder, modality):
        if outcome_of(service, modality, sent_file(path)) == outcome:
            return path.name, path.read_bytes()
    raise AssertionError(f"no test file of {modality} is answered with {outcome}")


def _examples(folder: Path, modality: str) -> Iterator[Path]:
    yield from sorted(path for path in (folder / modality / "test").rglob("*") if path.is_file())


def outcome_of(service: Service, source: str, sent: dict[str, Any]) -> str:
    """Say what the service answers where those are searched that the page would search."""
    (described,) = (one for one in service.client.get("/space").json()["modalities"]
                    if one["name"] == source)  # fmt: skip
    finds = {name: pair for name, pair in described["finds"].items() if name != source}
    judged = [name for name, pair in finds.items() if pair.get("answered") is not None]
    to = judged or [name for name, pair in finds.items() if pair.get("queries")] or list(finds)
    answer = service.search(sent, to=",".join(to), k=20)
    first = answer["hits"][0]
    if first.get("unfamiliar"):
        return "unfamiliar"
    if answer["no_match"]:
        return "no match"
    return "hit"
