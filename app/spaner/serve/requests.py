"""Describes what clients send, as JSON."""

from __future__ import annotations

import base64
import binascii
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from spaner_core.contract.transform import Content
from spaner_core.errors import DataError

MOST_HITS = 200
"""Hits of one answer."""
MOST_COPIES = 64
"""Copies of a side that explaining a hit may encode."""

Name = Annotated[str, Field(max_length=200)]
Pull = Annotated[float, Field(ge=0, le=1)] | Literal["thing", "kind"] | None


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SentInput(_Sent):
    """One input: a `text`, the base64 of a file's bytes as `data` with its `name`, or a row's `id`.

    `name` is what people call a file; its suffix may decide how it is read, and nothing is opened
    under it. Without a `modality` the plugins say whose it is.
    """

    text: str | None = Field(default=None, max_length=200_000)
    data: str | None = Field(default=None, exclude=True)  # no log has it
    id: str | None = Field(default=None, max_length=1_000)
    name: str = Field(default="", max_length=255)
    modality: Name | None = None
    weight: float = Field(default=1.0, ge=-1_000, le=1_000, description="below 0: unlike it")

    @model_validator(mode="after")
    def _check_one(self) -> SentInput:
        if sum(given is not None for given in (self.text, self.data, self.id)) != 1:
            raise ValueError("give one of text, data and id")
        if self.weight == 0:
            raise ValueError("a weight is not 0")
        return self

    def source(self) -> str | Content:
        """Return the text, or the bytes of the file. Raises `DataError` for what is no base64."""
        if self.data is None:
            return self.text or ""
        try:
            data = base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError):
            raise DataError(
                "data is no base64; expected the bytes of a file, encoded so; encode them again"
            ) from None
        plain = PurePosixPath(self.name.replace("\\", "/")).name
        return Content(data, plain or "the input", PurePosixPath(plain).suffix.lower())


class SearchRequest(_Sent):
    """A search: inputs that are one query together, and the modalities to find."""

    query: list[SentInput] = Field(min_length=1, max_length=16)
    to: list[Name] = Field(min_length=1, max_length=32)
    k: int = Field(default=10, ge=1, le=MOST_HITS)
    each: bool = False
    split: Name | None = None
    where: list[Annotated[str, Field(max_length=1_000)]] = Field(default=[], max_length=16)
    strength: Pull = None


class ExplainRequest(_Sent):
    """A search by one input, and the `hit` to explain, by its id and its `modality`.

    At most `budget` copies of each side with covered parts are encoded.
    """

    query: SentInput
    hit: str = Field(max_length=1_000)
    modality: Name
    strength: Pull = None
    budget: int = Field(default=MOST_COPIES // 2, ge=1, le=MOST_COPIES)


class EmbedRequest(_Sent):
    """Inputs to be embedded."""

    inputs: list[SentInput] = Field(min_length=1, max_length=256)
    strength: Pull = None


class PropagateRequest(_Sent):
    """Labels to carry from rows of modality `source` to rows of `target`."""

    source: Name
    target: Name
    split: Name | None = None
    check: bool = False
    min_confidence: float | None = None
    target_accuracy: float | None = None
    k: int = Field(default=10, ge=1, le=1_000)
    strength: float | None = Field(default=None, ge=0, le=1)
