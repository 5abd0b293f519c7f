"""Describes `policy:` of plugins.yaml, which says what is permitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Tag
from spaner_core.ranges import Days

from spaner_registry.config.values import Explicit, LogPath, ModalityName, Text

FOR_ALL, BY_PURPOSE = "(for all purposes)", "(by purpose)"
"""The two forms of a modality's links, as pydantic tells them apart."""

Purpose = Literal["search", "propagate", "measure", "export"]
"""What a link may serve: the fields of `PurposeLinks`."""

KEEP_DAYS = 183
"""Days for which people can read what was done: six months."""

_FROZEN = ConfigDict(extra="forbid", frozen=True)


class PurposeLinks(BaseModel):
    """What one modality may be linked to, by purpose; a purpose that is left out permits nothing.

    `search`: it may find these. `propagate`: it may take labels from these. `measure`: figures may
    say how it meets these. `export`: embeddings of these may be written for it to find.
    """

    model_config = _FROZEN

    search: tuple[ModalityName, ...] = ()
    propagate: tuple[ModalityName, ...] = ()
    measure: tuple[ModalityName, ...] = ()
    export: tuple[ModalityName, ...] = ()


def _form(value: object) -> str:
    """Say which form a modality's links have."""
    return BY_PURPOSE if isinstance(value, Mapping | PurposeLinks) else FOR_ALL


Links = Annotated[
    Annotated[tuple[ModalityName, ...], Tag(FOR_ALL)] | Annotated[PurposeLinks, Tag(BY_PURPOSE)],
    Discriminator(_form),
]


class PolicySettings(BaseModel):
    """`policy:`, what may be linked and which distributions may be loaded; None permits all.

    `audit_log` is where all that links or shows rows is logged, None for nowhere; what people can
    read of it is kept for `audit_keep_days`.
    """

    model_config = _FROZEN

    links: Annotated[Mapping[ModalityName, Links] | None, Explicit] = None
    allow: Annotated[tuple[Text, ...] | None, Explicit] = None
    audit_log: LogPath = None
    audit_keep_days: Days = KEEP_DAYS

    @property
    def named(self) -> tuple[str, ...]:
        """Every modality that the links name, each once."""
        found: dict[str, None] = {}
        for source, links in (self.links or {}).items():
            by_purpose = [links] if isinstance(links, tuple) else [part for _, part in links]
            found |= dict.fromkeys([source, *(name for part in by_purpose for name in part)])
        return tuple(found)

    def linked(self, source: str, purpose: Purpose) -> tuple[str, ...] | None:
        """Return what `source` may be linked to for a purpose; None where nothing is restricted."""
        if self.links is None:
            return None
        links = self.links.get(source, ())
        return links if isinstance(links, tuple) else getattr(links, purpose)
