"""From a text, or a file of text, to its words."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from spaner_core import UnusableInput, fingerprint_options

from spaner_text.options import EncoderOptions

ALGORITHM_VERSION = 1
"""Raised whenever the same input would give other words."""


class WordsTransform:
    """Reads texts; a sample is a `str`, an encoder input a tuple of words."""

    def __init__(self, options: EncoderOptions) -> None:
        self.fingerprint = fingerprint_options("text/words", ALGORITHM_VERSION, options)

    def decode(self, source: Path | str) -> str:
        """Read one text: a `Path` is a UTF-8 file, a `str` is the text itself."""
        text = _read(source) if isinstance(source, Path) else source
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise UnusableInput("the text is not Unicode; expected UTF-8; write it again")
        split_words(text)  # refuses a text without words before anything is encoded
        return text

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
    return words


def _strip_punctuation(piece: str) -> str:
    kept = [place for place, letter in enumerate(piece) if not _is_punctuation(letter)]
    return piece[kept[0] : kept[-1] + 1] if kept else ""


def _is_punctuation(letter: str) -> bool:
    return unicodedata.category(letter).startswith("P")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableInput(
            f"byte {error.start} is not UTF-8; expected a UTF-8 text file; save it as UTF-8"
        ) from error
    except OSError as error:
        raise UnusableInput(
            f"the file cannot be opened ({error.strerror}); expected a text file; check its path"
        ) from error
