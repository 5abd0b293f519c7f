"""Keeps a space's aligners, each loaded when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from spaner_core.contract.modality import Aligner
from spaner_core.errors import SpaceError
from spaner_core.space.records import AlignerRecord


@dataclass(frozen=True, kw_only=True)
class SpaceAligner:
    """One of a space's aligners: what is known of it, and how it is got when it is first used.

    `fingerprint` covers its files; one that is not stored has none.
    """

    record: AlignerRecord
    load: Callable[[], Aligner]
    fingerprint: str = ""


class TrainedAligners:
    """The aligners of a space.

    `records` describes those that can be used; `damaged` says of the others, by modality, what is
    wrong.
    """

    def __init__(
        self, parts: Mapping[str, SpaceAligner], *, damaged: Mapping[str, str] | None = None
    ) -> None:
        self.records = {name: part.record for name, part in parts.items()}
        self.damaged = dict(damaged or {})
        self._parts = dict(parts)
        self._loaded: dict[str, Any] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the modalities whose aligner can be used, sorted."""
        return tuple(sorted(self.records))

    def load(self, modality: str) -> Any:
        """Return the trained aligner of `modality`.

        Raises `SpaceError` as `part` does, and where its weights are found to be damaged, now that
        they are read: from then on it counts as such.
        """
        part = self.part(modality)
        if modality not in self._loaded:
            try:
                self._loaded[modality] = part.load()
            except SpaceError as error:
                del self.records[modality]
                self.damaged[modality] = str(error)
                raise
        return self._loaded[modality]

    def usable(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Load the aligners of `modalities`; return those that can be used."""
        for modality in modalities:
            with suppress(SpaceError):
                self.load(modality)
        return tuple(modality for modality in modalities if modality in self.records)

    def part(self, modality: str) -> SpaceAligner:
        """Return what is known of an aligner.

        Raises `SpaceError` naming what there is, if the space has no such modality.
        """
        if modality in self.damaged:
            raise SpaceError(self.damaged[modality])
        if modality not in self.records:
            raise SpaceError(
                f"the space has no modality {modality!r}; it has "
                f"{', '.join(self.names) or 'none'}. "
                f"Add it with `spaner attach {modality}`"
            )
        return self._parts[modality]
