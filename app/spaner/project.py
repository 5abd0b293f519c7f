"""Opens a project: its configuration, manifest, features and space, when needed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Self

from spaner_core.data.manifest import Manifest, Rows, inline_source, read_manifest, source_of
from spaner_core.errors import DataError, TooManyUnusable
from spaner_core.features.extraction import Extraction
from spaner_core.features.freshness import SAMPLE_ROWS
from spaner_core.features.store import FeatureStore, Use
from spaner_core.space.opening import load_space
from spaner_core.space.space import Space
from spaner_registry.assemble import Assembly
from spaner_registry.config.settings import Config, read_config
from spaner_registry.plugins.registry import Registry
from spaner_registry.space_options import ModalityOptions

from spaner.arguments import as_path, path_of
from spaner.forgotten import Forgotten, read_forgotten
from spaner.left_out_modalities import LeftOut, undeclared_notices
from spaner.plugins.installed import recorded_origin
from spaner.quarantine import Quarantine
from spaner.space_files import store_folder
from spaner.stale_features import Freshness
from spaner.usable_rows import UsableRows


class Project:
    """What commands work on. Nothing but the configuration is read before it is needed.

    `config` is a plugins.yaml, or what was read from one; `space`, `manifest` and `seed` take the
    place of what it says. `device` is where encoders and trainings compute: auto (a GPU where there
    is one), cpu, cuda. What is done in a `with` block leaves the table of the rows that cannot be
    used behind, whether it ends well or with an error.
    Raises `ConfigError` for a configuration that is wrong and a device that is absent.
    """

    def __init__(
        self,
        config: Config | Path | str,
        *,
        space: Path | str | None = None,
        manifest: Path | str | None = None,
        seed: int | None = None,
        device: str = "auto",
    ) -> None:
        if device != "auto":  # said before anything is read; auto is looked at when needed
            from spaner_core.devices import pick_device

            pick_device(device)
        config = config if isinstance(config, Config) else read_config(path_of(config))
        config = config.changed(space=as_path(space), manifest=as_path(manifest), seed=seed)
        self.config, self.device = config, device
        self.quarantine = Quarantine(config.space)
        self.said, self.left_out = list[str](), LeftOut()
        self.store = FeatureStore(store_folder(config), dtype=config.features.dtype)
        self.registry = Registry(
            allow=config.policy.allow, origin=partial(recorded_origin, config.space)
        )
        self.assembly = Assembly(
            self.registry,
            {
                name: ModalityOptions(encoder=options.encoder, aligner=options.aligner)
                for name, options in config.modalities.items()
            },
            folder=config.path.parent,
            device=device,
            option_error=config.option_error,
        )
        self.freshness = Freshness(
            config,
            assembly=self.assembly,
            store=self.store,
            draw_sources=self._draw_sources,
            open_space=self.open_space,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, Exception):  # else a signal ends it
            self.close()

    def close(self) -> None:
        """Bring the table of rows that cannot be used up to date; work may go on afterwards."""
        if self.quarantine.has_news:
            self.quarantine.save(self.whole_manifest)

    def say(self, *notices: str) -> None:
        """Keep what the user should know."""
        self.said += notices

    @property
    def notices(self) -> tuple[str, ...]:
        """All that the user should know of the work so far, each once."""
        return self.notices_from(0)

    def notices_from(self, first: int) -> tuple[str, ...]:
        """Return the notices without the `first` ones of `said`."""
        return tuple(
            dict.fromkeys((*self.said[first:], *self.left_out.notices, *self.quarantine.notices))
        )

    @cached_property
    def whole_manifest(self) -> Manifest:
        """The manifest's rows, those of undeclared modalities included, those forgotten not."""
        manifest = read_manifest(self.config.data.manifest)
        rows = self.forgotten.without(manifest.rows)
        if less := len(manifest.rows) - len(rows):
            said = "row was" if less == 1 else "rows were"
            self.say(f"{manifest.path}: {less} {said} forgotten, and left out")
        return Manifest(path=manifest.path, rows=rows)

    @cached_property
    def forgotten(self) -> Forgotten:
        """What was forgotten of the manifest."""
        return read_forgotten(self.config.data.manifest)

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest's rows of declared modalities; others harm nobody, and are told of.

        Raises `DataError` where there are none.
        """
        whole, declared = self.whole_manifest, self.config.modalities
        undeclared = tuple(undeclared_notices(whole, self.config))
        rows = whole.rows.having("modality", declared)
        if not rows:
            raise DataError("; ".join(undeclared))
        self.say(*undeclared)
        return Manifest(path=whole.path, rows=rows)

    @cached_property
    def space(self) -> Space:
        """The space that the configuration names, with the encoders that it declares."""
        return self.open_space(self.config.space)

    @contextmanager
    def changing_space(self) -> Iterator[None]:
        """Read the space anew after the block, which changes it."""
        try:
            yield
        finally:
            self.__dict__.pop("space", None)  # what `cached_property` keeps

    def read_anew(self) -> None:
        """Read manifest and space anew when they are needed next."""
        for name in ("forgotten", "whole_manifest", "manifest", "space"):
            self.__dict__.pop(name, None)  # what `cached_property` keeps

    def open_space(self, folder: Path) -> Space:
        """Open the space at `folder` with the encoders that the configuration declares."""
        return load_space(folder, lambda _: self.assembly)

    def sources(self, modality: str, rows: Rows, *, folder: Path | None = None) -> list[Path | str]:
        """Return what each row's input is: a path, or the input itself.

        Paths are relative to `folder`, by default that of the project's manifest.
        """
        described = self.registry.load(modality).modality
        folder = folder or self.config.data.manifest.parent
        return [
            source_of(given, folder, inline=described.inline, suffixes=described.suffixes)
            for given in rows.inputs
        ]

    def _draw_sources(self, modality: str, most: int) -> list[Path | str]:
        """Draw inputs of a modality from all of the manifest, the same ones each time."""
        rows = self.manifest.select(modality)
        drawn = random.Random(0).sample(range(len(rows)), min(len(rows), most))
        return self.sources(modality, rows.take(drawn))

    def check_query(self, query: str, source: str) -> None:
        """Raise `DataError` for a query that is spelt like a file of `source` and names none."""
        suffixes = self.registry.load(source).modality.suffixes
        meant = inline_source(query, Path(), suffixes=suffixes)
        if isinstance(meant, Path) and not os.path.lexists(str(meant).partition("#")[0]):
            raise DataError(f"{query}: no such file; correct the path")

    def max_unusable(self, modality: str) -> int:
        """Return how many distinct inputs of a modality may be put aside, whatever their split."""
        distinct = len(self.manifest.select(modality).distinct("input"))
        # a hair more, since .29 * 100 is 28.999...
        return int(self.config.data.share_unusable(modality) * distinct + 1e-9)

    def features(self, modality: str, rows: Rows, *, again: bool = False) -> UsableRows:
        """Give the features of manifest rows, extracted where the store has them not.

        Rows that cannot be used go to `quarantine`; those that could not before are tried again
        only if `again` is true. Raises `DataError` where they are more than
        `data.max_unusable` allows, or stored features are stale (`freshness`).
        """
        self.freshness.check([modality])
        rows = self._unforgotten(modality, rows)
        with self._putting_aside(rows):
            found = self.assembly.extract_stored(
                modality,
                self.sources(modality, rows),
                store=self.store,
                max_unusable=self.max_unusable(modality),
                again=again,
            )
        return self._usable(rows, found)

    def renew_features(self, modality: str, rows: Rows) -> tuple[UsableRows, int]:
        """Extract the features of manifest rows anew; count the inputs whose features changed.

        All that the store has of the modality's encoder goes when the new ones are complete; where
        they differ, aligners that were trained on the old ones are noted as outdated before.
        Raises `DataError` as `features` does, before anything goes.
        """
        rows = self._unforgotten(modality, rows)
        with self._putting_aside(rows):
            sources, most = self.sources(modality, rows), self.max_unusable(modality)
            renewal = self.freshness.renew(modality, sources, max_unusable=most)
        return self._usable(rows, renewal.extraction), renewal.changed

    def check_modality(self, name: str, *, rows: int = SAMPLE_ROWS) -> None:
        """Raise `SpaceError` unless the space has `name`, trained on what its encoder gives now.

        Raises `DataError` where stored features of `name` are stale; `rows` of them are looked at.
        """
        self.space.check_modality(name)
        self.freshness.check([name], rows=rows)
        self.freshness.check_aligner(name, self.space.vector_key(name).aligner)

    def _unforgotten(self, modality: str, rows: Rows) -> Rows:
        """Leave out rows that hold what was forgotten under another id; features are then used."""
        self._note_use(modality)
        if self.forgotten.items:
            sources = self.sources(modality, rows)
            places = self.forgotten.places_without(sources, self.store.hashes.hash_file)
            if less := len(rows) - len(places):
                self.say(f"{modality!r}: left out what was forgotten, under other ids: {less}")
            rows = rows.take(places)
        return rows

    def _note_use(self, modality: str) -> None:
        """Keep others from pruning what is about to be written."""
        self.store.note_use(
            Use(
                config=str(self.config.path.absolute()),
                manifest=str(self.config.data.manifest.absolute()),
                modality=modality,
                stream=self.assembly.stream_identity(modality, self.store).folder,
            )
        )

    @contextmanager
    def _putting_aside(self, rows: Rows) -> Iterator[None]:
        try:
            yield
        except TooManyUnusable as error:
            self.quarantine.add(rows, error.unusable)
            raise

    def _usable(self, rows: Rows, found: Extraction) -> UsableRows:
        self.quarantine.add(rows, found.unusable)
        return UsableRows(
            rows.take(found.usable), found.rows, contents=found.keys, extracted=found.extracted
        )
