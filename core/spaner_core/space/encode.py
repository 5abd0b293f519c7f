"""Embeds inputs, and says which of them could be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from spaner_core.contract.sources import describe_source
from spaner_core.contract.transform import Given
from spaner_core.devices import pick_device
from spaner_core.errors import ConfigError, DataError, UnusableInput
from spaner_core.features.in_memory import Extracted, by_size
from spaner_core.features.rows import FeatureRows
from spaner_core.features.unusable import reason_of, summarise
from spaner_core.space.encoders import Encoders
from spaner_core.space.records import Strength

BATCH_WINDOWS = 32
"""Windows that are encoded together, as in sentence-transformers."""

BLOCK_INPUTS = 256
"""Inputs whose features are in memory together, where batches are smaller."""


Embeddings: TypeAlias = NDArray[np.float32]
"""(n, D), rows of unit length."""


class _Options(TypedDict, total=False):
    batch_size: int
    show_progress_bar: bool
    device: str | None
    strength: Strength | None


class ToArray(_Options, total=False):
    """Options with which `Space.encode` gives an array."""

    convert_to_tensor: Literal[False]
    errors: Literal["raise"]


class ToTensor(_Options):
    """Options with which `Space.encode` gives a tensor."""

    convert_to_tensor: Literal[True]
    errors: NotRequired[Literal["raise"]]


class Skipping(_Options):
    """Options with which `Space.encode` gives what could be read."""

    convert_to_tensor: NotRequired[bool]
    errors: Literal["skip"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Encoded:
    """Embeddings of those inputs that could be read.

    Row i of `embeddings`, (m, D) float32, an array or a tensor, belongs to the input at the place
    `read[i]`, (m,) int64, counted from 0. `unread` has the other places, each with the reason.
    """

    embeddings: Any
    read: NDArray[np.int64]
    unread: Mapping[int, str]

    def __repr__(self) -> str:
        problems = _placed(self.unread, among=self.among)
        shown = "".join(f"; {problem}" for problem in problems[:1])
        more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
        shape = tuple(self.embeddings.shape)
        return f"Encoded({len(self.read)} of {self.among} inputs read, {shape}{shown}{more})"

    @property
    def among(self) -> int:
        """How many inputs were given."""
        return len(self.read) + len(self.unread)


@dataclass(frozen=True)
class InputReader:
    """Reads inputs of one modality: `batch_size` windows of them are encoded together.

    `device` is where its encoder computes from now on; None leaves it where it is. Raises
    `ConfigError` for a device or a batch size that cannot be.
    """

    encoders: Encoders
    modality: str
    _: KW_ONLY
    batch_size: int = BATCH_WINDOWS
    show_progress_bar: bool = False
    device: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise ConfigError(f"batch_size is {self.batch_size!r}; give a whole number from 1")
        if self.device is not None:
            self.encoders.modality(self.modality).encoder.to(pick_device(self.device))

    def extract(self, inputs: object) -> FeatureRows:
        """Extract features of one input or several; raises `DataError` where one cannot be read."""
        sources, unread = self._sources_of(inputs)
        _check_all_read(unread, among=len(sources) + len(unread))
        found = self._extract(sources, read_one=lambda: None)
        _check_all_read(_reasons(found, sources), among=len(sources))
        return found.rows

    def embed(
        self,
        inputs: object,
        embed_rows: Callable[[FeatureRows], Embeddings],
        *,
        width: int,
        errors: str,
    ) -> Encoded:
        """Embed one input or several by `embed_rows`, (m, N, E) to (m, width) float32.

        `errors` is "raise", for `DataError` where one cannot be read, or "skip".
        """
        if errors not in ("raise", "skip"):
            raise ConfigError(f"errors is {errors!r}; give raise or skip")
        sources, unread = self._sources_of(inputs)
        among = len(sources) + len(unread)
        embeddings = np.zeros((among, width), np.float32)
        if errors == "raise":  # before anything is encoded
            _check_all_read(unread, among=among)
        hidden = not self.show_progress_bar
        with tqdm(total=among, desc=self.modality, unit="input", disable=hidden) as bar:
            for block in self._blocks(sources):
                found = self._extract(block, read_one=bar.update)
                places = list(block)
                embeddings[[places[row] for row in found.usable]] = embed_rows(found.rows)
                unread |= _reasons(found, block)
        if errors == "raise":
            _check_all_read(unread, among=among)
        read = np.setdiff1d(np.arange(among), list(unread))
        return Encoded(embeddings=embeddings[read], read=read, unread=dict(sorted(unread.items())))

    def _sources_of(self, inputs: object) -> tuple[dict[int, Given], dict[int, str]]:
        """Return what is read of each input, by its place, and why nothing is read of others."""
        given = self.encoders.modality(self.modality).sources_of(inputs)
        unread = {
            p: reason_of(why) for p, why in enumerate(given) if isinstance(why, UnusableInput)
        }
        sources = {p: s for p, s in enumerate(given) if not isinstance(s, UnusableInput)}
        return sources, unread

    def _blocks(self, sources: Mapping[int, Given]) -> Iterator[dict[int, Given]]:
        """Cut sources into blocks of like size, the largest first; equal ones stay together."""
        size = max(BLOCK_INPUTS // self.batch_size, 1) * self.batch_size
        ordered = by_size(list(sources.values()))
        number_of = {source: place // size for place, source in enumerate(ordered)}
        blocks: dict[int, dict[int, Given]] = {}
        for place, source in sources.items():  # which keeps its order within a block
            blocks.setdefault(number_of[source], {})[place] = source
        yield from (blocks[number] for number in sorted(blocks))

    def _extract(self, sources: Mapping[int, Given], read_one: Callable[[], object]) -> Extracted:
        return self.encoders.extract_usable(
            self.modality,
            list(sources.values()),
            batch_size=self.batch_size,
            read_one=read_one,
        )


def _reasons(found: Extracted, sources: Mapping[int, Given]) -> dict[int, str]:
    """Say of the places of `sources` that could not be read what stands there, and why not."""
    places = list(sources)
    unread = {places[row]: why for row, why in found.unusable.items()}
    return {place: f"{describe_source(sources[place])}: {why}" for place, why in unread.items()}


def _check_all_read(unread: Mapping[int, str], *, among: int) -> None:
    """Raise `DataError` naming the inputs that could not be read, with their places."""
    if unread:
        raise DataError(summarise(_placed(unread, among=among), among=among))


def _placed(unread: Mapping[int, str], *, among: int) -> list[str]:
    if among == 1:
        return list(unread.values())
    return [f"inputs[{place}]: {why}" for place, why in sorted(unread.items())]
