"""Reads the code blocks of a page of the docs, and compares what was printed with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
WRITE = re.compile(r"`([^`]+)`:$")
"""What stands at the end of the line above a block that is to be written to a file."""


@dataclass(frozen=True)
class Block:
    """A code block and the line that introduces it."""

    words: str
    kind: str
    content: str


def blocks_of(page: str) -> Iterator[Block]:
    for found in BLOCK.finditer(page):
        words = page[: found.start()].rstrip().rpartition("\n")[2]
        yield Block(words, kind=found[1], content=found[2])


def check_printed(expected: str, printed: str) -> None:
    """Check that every line was printed: blanks do not count, "…" stands for anything."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    for line in expected.splitlines():
        pattern = ".*".join(map(re.escape, " ".join(line.split()).split("…")))
        assert any(re.fullmatch(pattern, said) for said in lines), f"{line}\nnot in\n{printed}"
