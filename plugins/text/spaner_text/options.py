"""Defines the options under `modalities: text: encoder:`."""

from __future__ import annotations

import codecs
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

HASHED = "hashed"
DEFAULT_ENCODING = "utf-8"

WIDEST = 2**18
"""Most numbers of a word: each word of a text has as many."""

LONGEST_NGRAM = 1000


def is_hashed(options: Mapping[str, object]) -> bool:
    """Tell whether `options` ask for the builtin encoder."""
    return options.get("model", HASHED) == HASHED


@dataclass(frozen=True, kw_only=True)
class NgramOptions:
    """What decides the features of `hashed`."""

    model: str = HASHED
    dim: int = 512
    shortest_ngram: int = 2
    longest_ngram: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.dim <= WIDEST:
            raise ValueError(f"dim is {self.dim}; expected 1 to {WIDEST}; 512 is usual")
        if not 1 <= self.shortest_ngram <= self.longest_ngram <= LONGEST_NGRAM:
            raise ValueError(
                f"shortest_ngram is {self.shortest_ngram} and longest_ngram {self.longest_ngram}; "
                f"expected 1 <= shortest_ngram <= longest_ngram <= {LONGEST_NGRAM}; 2 and 4 are "
                "usual"
            )


@dataclass(frozen=True, kw_only=True)
class HashedOptions(NgramOptions):
    """Options of `hashed`: one token of width `dim` for each word of a text.

    It counts how often each n-gram of `shortest_ngram` to `longest_ngram` characters occurs in the
    word. `encoding` is that of text files without a byte-order mark.
    """

    encoding: str = DEFAULT_ENCODING

    def __post_init__(self) -> None:
        super().__post_init__()
        _settle_encoding(self)

    @property
    def ngrams(self) -> NgramOptions:
        """The options without those of files."""
        names = [field.name for field in dataclasses.fields(NgramOptions)]
        return NgramOptions(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class TransformerOptions:
    """Options of every other model: a name on the Hub, or a folder that starts with `./` or `/`.

    `adapter` is a peft adapter for it. `trust_remote_code` runs code that comes with the model.
    `window_tokens` is the number of tokens it reads at once, by default as many as it can; longer
    texts are read in windows that share `overlap` of their tokens. `prefix` stands before every
    text, by default what the model itself asks for. `encoding` is that of text files without a
    byte-order mark.
    """

    model: str
    adapter: str | None = None
    trust_remote_code: bool = False
    window_tokens: int | None = None
    overlap: float = 0.125
    prefix: str | None = None
    encoding: str = DEFAULT_ENCODING

    def __post_init__(self) -> None:
        if not self.model:
            raise ValueError("model is empty; expected 'hashed', a name on the Hub or a folder")
        if self.window_tokens is not None and self.window_tokens < 1:
            raise ValueError(
                f"window_tokens is {self.window_tokens}; expected a whole number from 1; leave it "
                "out to read as many as the model can"
            )
        if not 0 <= self.overlap < 1:
            raise ValueError(
                f"overlap is {self.overlap}; expected a share from 0 to below 1; 0.125 is usual"
            )
        _settle_encoding(self)


def _settle_encoding(options: HashedOptions | TransformerOptions) -> None:
    """Replace the encoding by its canonical name: utf8 and UTF-8 are one."""
    try:
        bytes(4).decode(options.encoding)  # unlike a look-up, refuses what decodes to no text
        name = codecs.lookup(options.encoding).name
    except (LookupError, ValueError):
        raise ValueError(
            f"encoding is {options.encoding!r}; expected one that Python knows, such as utf-8, "
            "latin-1 or cp1252; correct it"
        ) from None
    object.__setattr__(options, "encoding", name)
