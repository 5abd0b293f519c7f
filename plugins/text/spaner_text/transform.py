"""Turns a text, whole or without parts, into words or windows."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch
from spaner_core import Part, Source, UnusableInput, fingerprint_options
from torch import Tensor

from spaner_text.options import DEFAULT_ENCODING, HashedOptions, TransformerOptions
from spaner_text.reading.texts import check_source, read_source

if TYPE_CHECKING:
    from spaner_text.encoders.tokens import Tokens

WORDS_VERSION = 1
"""Raised whenever the same input would give other words."""

WINDOWS_VERSION = 1
"""Raised whenever the same input would give other windows."""

MOST_WORDS = 50_000
"""Longest text, in words: each is a token that is kept, 100 MB for so many of width 512."""

SAMPLE_LETTERS = 1_000
"""How much of a text is tokenised to see that it has tokens."""

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


class _TextTransform(ABC):
    """Reads texts; a sample is a `str`."""

    def __init__(self, *, encoding: str, fingerprint: str) -> None:
        self._encoding = encoding
        self.fingerprint = fingerprint

    @abstractmethod
    def _check(self, text: str) -> None:
        """Raise `UnusableInput` for a text that the encoder can do nothing with."""

    def decode(self, source: Source) -> str:
        """Read one text: a `Path` or `Content` is a file, a `str` is the text itself."""
        text = read_source(source, encoding=self._encoding)
        self._check(text)
        return text

    def check_header(self, source: Source) -> None:
        """Raise `UnusableInput` where the beginning shows that it cannot be used."""
        check_source(source, encoding=self._encoding)

    def take(self, value: object) -> str | None:
        """Take a text; None for other objects. Raises `UnusableInput` as `decode`."""
        return self.decode(value) if isinstance(value, str) else None

    def parts(self, sample: str) -> list[Part]:
        """Return words, or sentences of a long text."""
        return text_parts(sample)

    def without(self, sample: str, part: Part) -> str:
        """Return the text without a part."""
        return text_without(sample, part)


class WordsTransform(_TextTransform):
    """Reads texts for `hashed`; an encoder input is a tuple of words."""

    def __init__(self, options: HashedOptions) -> None:
        usual = options.encoding == DEFAULT_ENCODING
        described = options.ngrams if usual else options
        super().__init__(
            encoding=options.encoding,
            fingerprint=fingerprint_options("text/words", WORDS_VERSION, described),
        )

    def _check(self, text: str) -> None:
        split_words(text)

    def prepare(self, sample: str) -> list[tuple[str, ...]]:
        """Cut a text into words; a text is one window."""
        return [split_words(sample)]


@dataclass(frozen=True, kw_only=True)
class _Identity:
    tokens: str
    encoding: str


class WindowsTransform(_TextTransform):
    """Reads texts for a transformer; an encoder input is a window of ids (n,) int64."""

    def __init__(self, tokens: Tokens, options: TransformerOptions) -> None:
        self._tokens = tokens
        identity = _Identity(tokens=tokens.fingerprint, encoding=options.encoding)
        super().__init__(
            encoding=options.encoding,
            fingerprint=fingerprint_options("text/windows", WINDOWS_VERSION, identity),
        )

    def _check(self, text: str) -> None:
        if not self._tokens.ids(text[:SAMPLE_LETTERS]) and not self._tokens.ids(text):
            raise UnusableInput(
                f"the model's tokenizer finds nothing in the text {text[:40]!r}; expected words; "
                "write some"
            )

    def prepare(self, sample: str) -> list[Tensor]:
        """Cut a text into overlapping windows."""
        return [torch.tensor(window) for window in self._tokens.windows(sample)]


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of `text`: NFKC, lower case, cut at white space, punctuation off the ends.

    Punctuation is stripped because it would give a word at the end of a sentence other n-grams
    than the same word within it (at 1 shot .57 became .71). Signs such as emoji stay.
    """
    pieces = unicodedata.normalize("NFKC", text).lower().split()
    words = tuple(word for word in map(_strip_punctuation, pieces) if word)
    if not words:
        raise UnusableInput(f"the text {text[:40]!r} has no word; expected at least one; write it")
    if len(words) > MOST_WORDS:
        raise UnusableInput(
            f"the text has {len(words)} words; expected at most {MOST_WORDS} for model: hashed; "
            "cut it into parts, or choose a model that reads in windows"
        )
    return words


def _strip_punctuation(piece: str) -> str:
    kept = [place for place, letter in enumerate(piece) if not _is_punctuation(letter)]
    return piece[kept[0] : kept[-1] + 1] if kept else ""


def _is_punctuation(letter: str) -> bool:
    return unicodedata.category(letter).startswith("P")


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
