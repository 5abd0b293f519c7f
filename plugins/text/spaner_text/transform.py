"""Turns a text, or a file of text, into words for `hashed`."""

from __future__ import annotations

import unicodedata

from spaner_core import Part, Source, UnusableInput, fingerprint_options

from spaner_text.options import DEFAULT_ENCODING, HashedOptions
from spaner_text.parts import text_parts, text_without
from spaner_text.sources import check_source, read_source

ALGORITHM_VERSION = 1
"""Raised whenever the same input would give other words."""

MOST_WORDS = 50_000
"""Longest text, in words: each is a token that is kept, 100 MB for so many of width 512."""


class WordsTransform:
    """Reads texts; a sample is a `str`, an encoder input a tuple of words."""

    def __init__(self, options: HashedOptions) -> None:
        usual = options.encoding == DEFAULT_ENCODING
        described = options.ngrams if usual else options
        self.fingerprint = fingerprint_options("text/words", ALGORITHM_VERSION, described)
        self._encoding = options.encoding

    def decode(self, source: Source) -> str:
        """Read one text: a `Path` or `Content` is a file, a `str` is the text itself."""
        text = read_source(source, encoding=self._encoding)
        split_words(text)  # refuses a text without words before anything is encoded
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

    def prepare(self, sample: str) -> list[tuple[str, ...]]:
        """Cut a text into words; a text is one window."""
        return [split_words(sample)]


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
