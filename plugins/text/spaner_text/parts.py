"""Cuts texts into words or sentences and takes single ones out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TypeAlias

from spaner_core import Part

MOST_PARTS = 64

LONGEST_LABEL = 40
"""Characters of a part that its label shows."""

COVERED = "\N{WHITE SQUARE}"
"""What stands in place of a text of which nothing would be left."""

Span: TypeAlias = tuple[int, int]
"""Where a part begins, and where the text behind it does."""

_LETTER_WORDS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Characters of scripts that put no spaces between words: each counts as one."""

_WORD = re.compile(rf"[{_LETTER_WORDS}]|[^\s{_LETTER_WORDS}]+")
_SENTENCE = re.compile(r"\S.*?(?:[.!?…](?=\s)|[\u3002\uff01\uff1f]|\n\s*\n|\Z)", re.DOTALL)


def text_parts(text: str) -> list[Part]:
    """Return the words of a short text, the sentences of a longer one; several at once if many."""
    words = _spans(_WORD, text)
    if len(words) <= MOST_PARTS:
        return _grouped(words, text, noun="word")
    sentences = _spans(_SENTENCE, text)
    if len(sentences) > 1:
        return _grouped(sentences, text, noun="sentence")
    return _grouped(words, text, noun="word")


def text_without(text: str, part: Part) -> str:
    """Return a text without one of its parts; a square where nothing that is read would be left."""
    start, end = part.place
    rest = text[:start] + text[end:]
    if all(unicodedata.category(character)[0] in "PZC" for character in rest):
        return COVERED
    return rest


def _spans(unit: re.Pattern[str], text: str) -> list[Span]:
    return [match.span() for match in unit.finditer(text)]


def _grouped(spans: Sequence[Span], text: str, *, noun: str) -> list[Part]:
    """Return a part for each span, or for as many neighbours as leave at most `MOST_PARTS`."""
    size = -(-len(spans) // MOST_PARTS)
    parts = []
    for first in range(0, len(spans), size):
        group = spans[first : first + size]
        start, end = group[0][0], group[-1][1]
        numbers = f" {first + 1}" if size == 1 else f"s {first + 1} to {first + len(group)}"
        parts.append(Part(f"{noun}{numbers}, {_quoted(text[start:end])}", (start, end)))
    return parts


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line if len(line) <= LONGEST_LABEL else line[: LONGEST_LABEL - 1] + "…"}"'
