"""Keeps which modalities a command has done without, each with the reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from spaner_core.data.manifest import Manifest
from spaner_core.errors import PluginError
from spaner_registry.config.settings import Config


class LeftOut:
    """Modalities that work went on without: what is broken in one of them harms no other."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    @property
    def reasons(self) -> Mapping[str, str]:
        """What was left out so far, each with why."""
        return self._reasons

    @property
    def notices(self) -> tuple[str, ...]:
        """What to say of them."""
        return tuple(f"{name!r} is left out: {why}" for name, why in self._reasons.items())

    @property
    def words(self) -> str:
        """What to add to an error that they may be the cause of; empty where there are none."""
        return f". Left out: {'; '.join(self.notices)}" if self._reasons else ""

    def add(self, name: str, reason: str) -> None:
        """Leave a modality out; the first reason is kept."""
        self._reasons.setdefault(name, " ".join(reason.split()))

    @contextmanager
    def where_broken(self, name: str, *, asked: bool = False) -> Iterator[None]:
        """Leave a modality out where its plugin fails in the block.

        Raises the plugin's `PluginError` where the modality was `asked` for by name.
        """
        try:
            yield
        except PluginError as error:
            if asked:
                raise
            self.add(name, str(error))


def undeclared_notices(manifest: Manifest, config: Config) -> Iterator[str]:
    """Say of which modalities the manifest has rows and the configuration no word."""
    declared = config.modalities
    for name in manifest.modalities:
        if name not in declared:
            rows = manifest.select(modality=name)
            near = difflib.get_close_matches(name, declared, n=1)
            yield (
                f"{manifest.path}:{rows[0].line}: modality {name!r} is not declared in "
                f"{config.path}, and rows of it ({len(rows)}) are left out; "
                + (f"did you mean {near[0]!r}?" if near else "declare it under `modalities:`")
            )
