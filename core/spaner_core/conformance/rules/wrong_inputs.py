"""Writes inputs that are missing, empty, cut off or noise."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from spaner_core.conformance.subject import Subject

NOISE = random.Random(0).randbytes(512)


def wrong_inputs(subject: Subject) -> Iterator[tuple[str, Path | str]]:
    """Name and write them, those of the examples' suffixes and those cut from the examples."""
    folder = subject.folder / "wrong inputs"
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in subject.modality.suffixes:
        yield f"a missing {suffix} file", folder / f"missing{suffix}"
        (folder / f"folder{suffix}").mkdir(exist_ok=True)
        yield f"a folder named {suffix}", folder / f"folder{suffix}"
        for what, content in (("an empty", b""), ("a random", NOISE)):
            path = folder / f"{len(content)} bytes{suffix}"
            path.write_bytes(content)
            yield f"{what} {suffix} file", path
    for number, source in enumerate(subject.examples.inputs):
        if isinstance(source, Path) and source.is_file():
            whole = source.read_bytes()
            cut = folder / f"half{number}{source.suffix}"
            cut.write_bytes(whole[: len(whole) // 2])
            yield f"the first half of {source.name}", cut
    if subject.modality.inline:
        yield "an empty text", ""
        yield "a text of white space", " \n"
