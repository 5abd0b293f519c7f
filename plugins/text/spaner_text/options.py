"""What a user may set under `modalities: text: encoder:`."""

from __future__ import annotations

from dataclasses import dataclass

MODELS = ("hashed",)


@dataclass(frozen=True, kw_only=True)
class EncoderOptions:
    """Options of the text encoder.

    `model` names the encoder. `hashed` gives one token of width `dim` for each word: how often
    each character n-gram of `shortest_ngram` to `longest_ngram` letters occurs in it.
    """

    model: str = "hashed"
    dim: int = 512
    shortest_ngram: int = 2
    longest_ngram: int = 4

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model is {self.model!r}; known: {', '.join(MODELS)}; choose one")
        if self.dim < 1:
            raise ValueError(f"dim is {self.dim}; expected a whole number from 1; 512 is usual")
        if not 1 <= self.shortest_ngram <= self.longest_ngram:
            raise ValueError(
                f"shortest_ngram is {self.shortest_ngram} and longest_ngram {self.longest_ngram}; "
                "expected 1 <= shortest_ngram <= longest_ngram; 2 and 4 are usual"
            )
