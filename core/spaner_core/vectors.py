"""What kept embeddings depend on, so that those of another aligner are never mixed with today's."""

from __future__ import annotations

from dataclasses import dataclass, fields

from spaner_core.errors import SpaceError


@dataclass(frozen=True, kw_only=True)
class VectorKey:
    """Everything that decides an embedding besides the input.

    Fingerprints of the encoder, the input preparation, the aligner and the part of the prompt that
    the aligner reads, and the pull strength. Concepts that are appended to the prompt change none
    of them; an aligner that is replaced changes its modality's key and no other.
    """

    modality: str
    encoder: str
    transform: str
    aligner: str
    prompt: str
    strength: float

    def check(self, current: VectorKey) -> None:
        """Raise `SpaceError` naming what differs, unless `current` is the same key."""
        differing = [
            field.name
            for field in fields(self)
            if getattr(self, field.name) != getattr(current, field.name)
        ]
        if differing:
            raise SpaceError(
                f"these embeddings of {self.modality!r} are stale: they were made with another "
                f"{' and another '.join(differing)} than the space has now; embed the inputs again"
            )
