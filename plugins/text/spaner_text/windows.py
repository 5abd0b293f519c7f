"""Turns a text, or a file of text, into a transformer's windows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from spaner_core import Part, Source, UnusableInput, fingerprint_options
from torch import Tensor

from spaner_text.options import TransformerOptions
from spaner_text.parts import text_parts, text_without
from spaner_text.sources import check_source, read_source
from spaner_text.tokens import Tokens

ALGORITHM_VERSION = 1
"""Raised whenever the same input would give other windows."""

SAMPLE_LETTERS = 1_000
"""How much of a text is tokenised to see that it has tokens."""


@dataclass(frozen=True, kw_only=True)
class _Identity:
    tokens: str
    encoding: str


class WindowsTransform:
    """Reads texts; a sample is a `str`, an encoder input a window of ids (n,) int64."""

    def __init__(self, tokens: Tokens, options: TransformerOptions) -> None:
        self._tokens = tokens
        self._encoding = options.encoding
        self.fingerprint = fingerprint_options(
            "text/windows",
            ALGORITHM_VERSION,
            _Identity(tokens=tokens.fingerprint, encoding=options.encoding),
        )

    def decode(self, source: Source) -> str:
        """Read one text: a `Path` or `Content` is a file, a `str` is the text itself."""
        text = read_source(source, encoding=self._encoding)
        if not self._tokens.ids(text[:SAMPLE_LETTERS]) and not self._tokens.ids(text):
            raise UnusableInput(
                f"the model's tokenizer finds nothing in the text {text[:40]!r}; expected words; "
                "write some"
            )
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

    def prepare(self, sample: str) -> list[Tensor]:
        """Cut a text into overlapping windows."""
        return [torch.tensor(window) for window in self._tokens.windows(sample)]
