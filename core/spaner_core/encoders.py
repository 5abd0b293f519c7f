"""Says what a space needs to encode inputs: its modalities, built by whoever has the plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from spaner_core.errors import SpaceError
from spaner_core.modality import Aligner, Modality
from spaner_core.transform import Transform

if TYPE_CHECKING:
    from spaner_core.features.rows import FeatureRows
    from spaner_core.pretrained.freeze import FrozenEncoder
    from spaner_core.records import ModalityRecord


@dataclass(frozen=True, kw_only=True)
class AssembledModality:
    """What a plugin built: ready to read inputs and to encode them."""

    modality: Modality
    encoder: FrozenEncoder
    transform: Transform


class Encoders(Protocol):
    """Where a space's encoders and untrained aligners come from."""

    def serves(self, name: str) -> bool:
        """Tell whether a plugin for the modality is installed; loads nothing."""
        ...

    def modality(self, name: str) -> AssembledModality:
        """Return the modality's encoder and transform, built when first asked for."""
        ...

    def extract(self, name: str, sources: Sequence[Path | str]) -> FeatureRows:
        """Extract features of `sources` in memory; raises `DataError` for unusable ones."""
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
