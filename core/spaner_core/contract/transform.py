"""Describes inputs, and the object of a plugin that reads them.

This module imports no torch, as `spaner_core.contract.modality`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable


@dataclass(frozen=True)
class Content:
    """The bytes of an input that is in no file, such as an upload.

    `data` and `suffix`, lower case with the dot, "" where nobody knows it, decide how it is read.
    `name` is what people call it: for messages, never for a path.
    """

    data: bytes = field(repr=False)
    name: str
    suffix: str


Source: TypeAlias = Path | str | Content
"""An input: a `Path` is a file, a `str` the input itself, a `Content` the bytes of one."""

Sample: TypeAlias = Any
"""A decoded input, as corruptions and previews take it: image, text, waveform with its rate, ..."""


@dataclass(frozen=True, eq=False)
class TakenSample:
    """A sample that a transform took from an object; `name` is for messages."""

    sample: Sample
    name: str


Given: TypeAlias = Source | TakenSample
"""What can be encoded without being kept."""

EncoderInput: TypeAlias = Any
"""One prepared window of a sample, ready for `Encoder.collate`."""


@runtime_checkable
class Transform(Protocol):
    """Turns what the manifest names into what the encoder takes.

    It may offer more: `HeaderCheck`, `TakesObjects`, `HasParts`.
    """

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides what it prepares."""
        ...

    def decode(self, source: Source) -> Sample:
        """Read one input; the same bytes give the same sample from a file and as `Content`.

        Raises `UnusableInput` with the reason when it cannot be read or is not usable.
        """
        ...

    def prepare(self, sample: Sample) -> Sequence[EncoderInput]:
        """Cut a sample into encoder inputs, one a window; core joins windows along N."""
        ...


@runtime_checkable
class HeaderCheck(Protocol):
    """What a transform may offer: a look at an input that does not decode all of it."""

    def check_header(self, source: Source) -> None:
        """Raise `UnusableInput` where the beginning of the input shows that it cannot be used."""
        ...


@runtime_checkable
class TakesObjects(Protocol):
    """What a transform may offer: samples from objects that people hold already."""

    def take(self, value: object) -> Sample | None:
        """Return a sample for an image, an array with its rate, a data frame, ...

        None where it is no object of this modality. Leaves `value` as it is. Raises
        `UnusableInput` where it is one and cannot be used.
        """
        ...


@dataclass(frozen=True)
class Part:
    """A part of a sample that can be covered: a word, a cell of a picture, a stretch of time.

    `label` is what people read ("row 2, column 1", "0.5 to 1.0 s"); `place` is the transform's
    own: what its `without` needs to find the part.
    """

    label: str
    place: Any


@runtime_checkable
class HasParts(Protocol):
    """What a transform may offer: which parts of a sample an embedding comes from."""

    def parts(self, sample: Sample) -> Sequence[Part]:
        """Return the parts of a sample, in reading order; together they are all of it."""
        ...

    def without(self, sample: Sample, part: Part) -> Sample:
        """Return a copy of the sample in which `part` is covered, ready for `prepare`.

        Several parts are covered one after the other, the last one of the reading order first.
        """
        ...
