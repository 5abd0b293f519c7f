"""Says what a space needs to encode inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from spaner_core.contract.modality import Aligner, Modality
from spaner_core.contract.transform import Content, Given, TakenSample, TakesObjects, Transform
from spaner_core.data.manifest import inline_source
from spaner_core.errors import DataError, SpaceError, UnusableInput

if TYPE_CHECKING:
    from spaner_core.features.in_memory import Extracted
    from spaner_core.pretrained.freeze import FrozenEncoder
    from spaner_core.space.records import ModalityRecord


@dataclass(frozen=True, kw_only=True)
class AssembledModality:
    """What a plugin built: ready to read inputs and to encode them."""

    modality: Modality
    encoder: FrozenEncoder
    transform: Transform

    def sources_of(self, inputs: object) -> list[Given | UnusableInput]:
        """Tell one input from several; return what is encoded of each, or why nothing can be.

        A path, a text, the bytes of a file, a `Content`, a `TakenSample` and an object that the
        transform takes are one input, any other iterable is several. Where the modality takes
        inputs inline, a `str` is a file only if it has a fitting suffix and is spelt as paths are,
        or the file exists. Raises `DataError` for what is no input.
        """
        one = None if isinstance(inputs, list) else self._source_of(inputs)
        if one is not None:
            return [one]
        if not isinstance(inputs, Iterable):
            raise DataError(f"{self._strange(inputs)}, or a list of them")
        sources = ((given, self._source_of(given)) for given in inputs)
        return [self._strange(given) if source is None else source for given, source in sources]

    def _source_of(self, given: object) -> Given | UnusableInput | None:
        if isinstance(given, str) and self.modality.inline:
            return inline_source(given, Path(), suffixes=self.modality.suffixes)
        if isinstance(given, str | Path):
            return Path(given)
        if isinstance(given, bytes | bytearray):
            return Content(bytes(given), f"{len(given)} bytes", "")
        if isinstance(given, Content | TakenSample):
            return given
        if not isinstance(self.transform, TakesObjects):
            return None
        name = f"an object of type {type(given).__name__}"
        try:
            sample = self.transform.take(given)
        except UnusableInput as error:
            return UnusableInput(f"{name}: {error}")
        return None if sample is None else TakenSample(sample, name)

    def _strange(self, given: object) -> UnusableInput:
        inline = ", the input itself" if self.modality.inline else ""
        return UnusableInput(
            f"an input of {self.modality.name!r} is of type {type(given).__name__}; expected a path"
            f"{inline}, bytes, spaner.Content or an object that its plugin takes"
        )


class Encoders(Protocol):
    """Where a space's encoders and untrained aligners come from: `spaner_registry`'s `Assembly`."""

    def serves(self, name: str) -> bool:
        """Tell whether a plugin for the modality is installed; loads nothing."""
        ...

    def modality(self, name: str) -> AssembledModality:
        """Return the modality's encoder and transform, built when first asked for."""
        ...

    def extract_usable(
        self,
        name: str,
        sources: Sequence[Given],
        *,
        batch_size: int,
        read_one: Callable[[], object],
    ) -> Extracted:
        """Extract features of those `sources` that can be used; `read_one` is called after each."""
        ...

    def recorded_aligner(self, record: ModalityRecord, *, prompt_dim: int) -> Aligner:
        """Build an untrained aligner as a space recorded it."""
        ...


def check_fits(assembled: AssembledModality, record: ModalityRecord) -> None:
    """Raise `SpaceError` unless the encoder and transform at hand are those of the record."""
    for what, given, expected in (
        ("encoder", assembled.encoder.fingerprint, record.encoder_fingerprint),
        ("input preparation", assembled.transform.fingerprint, record.transform_fingerprint),
    ):
        if given != expected:
            name = record.modality
            raise SpaceError(
                f"the {what} of {name!r} at hand ({given[:12]}) is not the one its aligner was "
                f"trained with ({expected[:12]}); use the encoder options recorded in "
                f"aligners/{name}/config.json, or train its aligner anew with "
                f"`spaner attach {name} --replace`"
            )


def unserved_error(name: str, distribution: str, *, served: Sequence[str]) -> SpaceError:
    """Make the error for a modality of a space whose plugin is not installed."""
    return SpaceError(
        f"the space has {name!r}, but no plugin that serves it is installed; it was made with the "
        f"distribution {distribution}, as aligners/{name}/config.json records: install that if you "
        f"trust it. Modalities that work here: {', '.join(served) or 'none'}"
    )
