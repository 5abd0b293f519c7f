"""Corrupts texts: typos, case, lost words.

Strengths are shares of a text's letters or words. Of a short text a share is seldom a whole number:
it is rounded up as often as its fraction says, so that over many texts the share is kept.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from spaner_core import read_options, strength_of

from spaner_text.options import TransformerOptions, is_hashed

TYPOS = (0.02, 0.05, 0.1, 0.2, 0.3)
"""Shares of the letters that are mistyped: from one in ten words to three in every two words."""

CASE = (0.02, 0.05, 0.1, 0.25, 0.5)
"""Shares of the letters whose case is flipped, of those that have case.

It ends at a half, where case says nothing any more: to flip every letter would write a text in
capitals, which people and models know how to read.
"""

WORD_LOSS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Shares of the words that are dropped."""

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""Rows of keys, each half a key or so to the right of the one above."""


class Disturb(Protocol):
    """Disturbs one text."""

    def __call__(self, text: str, share: float, /, *, draw: random.Random) -> str:
        """Return `text` with a share in [0, 1] of it disturbed."""
        ...


@dataclass(frozen=True, kw_only=True)
class TextCorruption:
    """Disturbs a text; `strengths` are the shares of severities 1 to 5."""

    name: str
    strengths: tuple[float, ...]
    disturb: Disturb

    def apply(self, sample: str, *, severity: int, seed: int) -> str:
        """Return a disturbed text, the same for the same `seed` (from 0).

        With one seed a higher severity disturbs what the lower one does, and more. A text that has
        words keeps some. Raises `ValueError` where `severity` is not 1 to 5.
        """
        share = strength_of(severity, self.strengths)
        return self.disturb(sample, share, draw=random.Random(seed))


def mistype(text: str, share: float, *, draw: random.Random) -> str:
    """Mistype this share of the letters: a neighbouring key, dropped, doubled, or swapped.

    Swapped is a letter with the next one of its word. Letters of other scripts than Latin have no
    known neighbours. The first letter of a word is never dropped, so that no word is lost.
    """
    letters = [place for place, letter in enumerate(text) if letter.isalpha()]
    written = list(text)
    for place in _choose(letters, share, draw=draw):
        # at either end of the text its neighbour is "": text[-1:0], text[len:]
        before, letter, after = text[place - 1 : place], text[place], text[place + 1 : place + 2]
        slips = ["double"]
        if letter.lower() in NEIGHBOURS:
            slips.append("replace")
        if before.isalpha():
            slips.append("drop")
        if after.isalpha() and after != letter:
            slips.append("swap")
        match draw.choice(slips):
            case "double":
                written[place] *= 2
            case "replace":
                near = draw.choice(NEIGHBOURS[letter.lower()])
                written[place] = near.upper() if letter.isupper() else near
            case "drop":
                written[place] = ""
            case "swap":
                written[place : place + 2] = reversed(written[place : place + 2])
    return "".join(written)


def flip_case(text: str, share: float, *, draw: random.Random) -> str:
    """Turn this share of the letters that have case into capitals, or back."""
    letters = [place for place, letter in enumerate(text) if _has_case(letter)]
    written = list(text)
    for place in _choose(letters, share, draw=draw):
        written[place] = written[place].swapcase()
    return "".join(written)


def lose_words(text: str, share: float, *, draw: random.Random) -> str:
    """Drop this share of the words with the white space behind them, but never all words.

    Words are what white space separates and what is more than punctuation.
    """
    pieces = re.split(r"(?<=\s)(?=\S)", text)
    words = [place for place, piece in enumerate(pieces) if _is_word(piece)]
    lost = set(_choose(words, share, draw=draw)[: len(words) - 1])
    return "".join(piece for place, piece in enumerate(pieces) if place not in lost)


def text_corruptions(options: Mapping[str, object]) -> Sequence[TextCorruption]:
    """Return what the model of these `encoder:` options can be disturbed by.

    Case is left out where the model reads everything in lower case: it is nothing to it. Raises
    `ConfigError` where its tokenizer cannot be loaded.
    """
    typos = TextCorruption(name="typos", strengths=TYPOS, disturb=mistype)
    case = TextCorruption(name="case", strengths=CASE, disturb=flip_case)
    word_loss = TextCorruption(name="word-loss", strengths=WORD_LOSS, disturb=lose_words)
    if is_hashed(options) or not _tells_case(read_options(TransformerOptions, options)):
        return [typos, word_loss]
    return [typos, case, word_loss]


def _neighbours() -> dict[str, str]:
    """Return the keys beside, above and below each key."""
    found = {}
    for row, keys in enumerate(KEYBOARD):
        for column, key in enumerate(keys):
            places = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
            near = ((row + down, column + right) for down, right in places)
            found[key] = "".join(
                KEYBOARD[r][c]
                for r, c in near
                if 0 <= r < len(KEYBOARD) and 0 <= c < len(KEYBOARD[r])
            )
    return found


NEIGHBOURS = _neighbours()
"""The keys around the key of each letter that has one."""


def _choose(places: Sequence[int], share: float, *, draw: random.Random) -> list[int]:
    """Draw a share of the places; with the same draws a greater share adds to a smaller one."""
    count = int(share * len(places) + draw.random())
    return draw.sample(places, len(places))[:count]


def _tells_case(options: TransformerOptions) -> bool:
    """Tell whether a small and a capital letter are different to the model's own tokenizer."""
    from spaner_core.pretrained.transformers_models import load_auto
    from transformers import AutoTokenizer

    from spaner_text.encoders.sentence_folder import read_layout

    layout = read_layout(options.model)
    tokenizer = load_auto(
        AutoTokenizer,
        f"{options.model}/{layout.folder}" if layout.folder else options.model,
        files="tokenizer.json or the tokenizer's own files",
        trust_remote_code=options.trust_remote_code,
    )
    small, capital = (tokenizer(letter)["input_ids"] for letter in "aA")
    return not layout.lower_case and small != capital


def _has_case(letter: str) -> bool:
    flipped = letter.swapcase()
    return flipped != letter and len(flipped) == 1  # some capitals are two letters


def _is_word(piece: str) -> bool:
    return any(
        not letter.isspace() and not unicodedata.category(letter).startswith("P")
        for letter in piece
    )
