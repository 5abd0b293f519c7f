"""Refuses stale features and the aligners trained on them; extracts them anew."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from functools import partial
from pathlib import Path

from spaner_core.contract.sources import describe_source
from spaner_core.errors import DataError, PluginError, SpaceError, SpanerError
from spaner_core.features.freshness import SAMPLE_ROWS, Change, find_change
from spaner_core.features.renewal import Renewal, renew_stored
from spaner_core.features.store import FeatureStore, OutdatedAligners
from spaner_core.features.stream import FeatureStream
from spaner_core.space.space import Space
from spaner_registry.assemble import Assembly
from spaner_registry.config.settings import Config, read_config

TRIED_ROWS = 64
"""Rows of a manifest, drawn from all of it, among which stored ones are looked for."""


class Freshness:
    """Whether a project's stored features, and the aligners trained on them, still hold.

    Each modality is looked at once: by encoding a few of its stored rows anew. `draw_sources` gives
    so many inputs of a modality, `open_space` opens the space at a folder.
    """

    def __init__(
        self,
        config: Config,
        *,
        assembly: Assembly,
        store: FeatureStore,
        draw_sources: Callable[[str, int], list[Path | str]],
        open_space: Callable[[Path], Space],
    ) -> None:
        self._config, self._assembly, self._store = config, assembly, store
        self._draw_sources, self._open_space = draw_sources, open_space
        self._checked: set[str] = set()
        self._space = config.space.absolute()  # while a working folder is what it names

    def check(self, names: Iterable[str], *, rows: int = SAMPLE_ROWS) -> None:
        """Raise `DataError`, a line a modality whose encoder gives other features than are stored.

        `rows` of each modality are encoded anew. Raises `PluginError` for an encoder that gives
        others at every call.
        """
        names = [name for name in dict.fromkeys(names) if name not in self._checked]
        problems = [problem for name in names for problem in self._problems(name, rows=rows)]
        if problems:
            raise DataError("\n".join(problems))
        self._checked.update(names)

    def has_checked(self, name: str) -> bool:
        """Tell whether a modality was looked at, and found to hold."""
        return name in self._checked

    def note_checked(self, name: str) -> None:
        """Note that a modality was looked at in another way, and found to hold."""
        self._checked.add(name)

    def check_aligner(self, name: str, fingerprint: str) -> None:
        """Raise `SpaceError` where the space's aligner read other features when it was trained.

        `fingerprint` is that aligner's.
        """
        folder = self._config.space
        if fingerprint in self._outdated(name):
            raise SpaceError(
                f"the aligner of {name!r} in {folder} was trained before the features of "
                f"{name!r} were extracted anew, which changed them; "
                f"{_how_to_follow(name, folder)}"
            )

    def renew(self, name: str, sources: Sequence[Path | str], *, max_unusable: int) -> Renewal:
        """Extract features of the `sources` anew, in place of all that is stored of this encoder.

        Where features have changed, the aligners that will have to follow are noted before the
        first of the old ones goes. Raises what `Assembly.extract_stored` raises.
        """
        assembled = self._assembly.modality(name)
        with redirect_stdout(sys.stderr):
            return renew_stored(
                self._stream(name),
                assembled.encoder,
                assembled.transform,
                sources,
                max_unusable=max_unusable,
                superseding=partial(self._supersede, name),
                title=name,
            )

    def _supersede(self, name: str) -> None:
        aligners = (self._aligner(space, name) for space in self._spaces_reading(name))
        self._outdated(name).add(aligner for aligner in aligners if aligner is not None)

    def superseded(self, name: str) -> tuple[str, ...]:
        """Say which aligners were trained on features of `name` that have changed since."""
        outdated = self._outdated(name)
        return tuple(
            f"the aligner of {name!r} in {space} was trained on the features before; "
            f"{_how_to_follow(name, space)}"
            for space in self._spaces_reading(name)
            if self._aligner(space, name) in outdated
        )

    def trained(self, name: str) -> None:
        """Note that the space's aligner was trained on the features of now."""
        outdated = self._outdated(name)
        if len(outdated) and (aligner := self._aligner(self._space, name)) is not None:
            outdated.discard(aligner)

    def _problems(self, name: str, *, rows: int) -> Iterator[str]:
        change = self._find_change(name, rows=rows)
        if change is None:
            return
        differs = f"{describe_source(change.source)} differs {change.difference}"
        if not change.steady:
            raise PluginError(
                f"the encoder of {name!r} gives other features at every call ({differs}), so what "
                f"is stored means nothing; see `spaner plugins check {name}`, and report it to "
                "the plugin's author"
            )
        yield (
            f"the stored features of {name!r} are stale: its encoder or its preparation gives "
            f"others now, under the same fingerprint ({differs}). `spaner extract --again {name}` "
            "extracts them anew; authors of a plugin raise its version with such a change"
        )

    def _find_change(self, name: str, *, rows: int) -> Change | None:
        """Encode `rows` of the stored inputs anew; return the first change, if any."""
        assembled = self._assembly.modality(name)
        sources = self._draw_sources(name, TRIED_ROWS)
        with redirect_stdout(sys.stderr):
            return find_change(
                self._stream(name), assembled.encoder, assembled.transform, sources, rows=rows
            )

    def _stream(self, name: str) -> FeatureStream:
        return self._store.stream(self._assembly.stream_identity(name, self._store))

    def _outdated(self, name: str) -> OutdatedAligners:
        return self._store.outdated(self._assembly.stream_identity(name, self._store))

    def _spaces_reading(self, name: str) -> list[Path]:
        """List the spaces of configurations that read the same features, the project's first."""
        stream = self._assembly.stream_identity(name, self._store).folder
        spaces = {self._config.space.absolute(): self._config.space}
        for use in self._store.uses().values():
            if (use.modality, use.stream) == (name, stream):
                with suppress(SpanerError):  # a configuration that has become unreadable
                    space = read_config(Path(use.config)).space
                    spaces.setdefault(space.absolute(), space)
        return list(spaces.values())

    def _aligner(self, folder: Path, name: str) -> str | None:
        """Fingerprint a space's aligner of `name`; None where none there reads these features."""
        try:
            space = self._open_space(folder)
            space.check_modality(name)
        except SpanerError:
            return None
        return space.vector_key(name).aligner


def _how_to_follow(name: str, space: Path) -> str:
    command = f"spaner attach {name} --replace --space {shlex.quote(str(space))}"
    return f"`{command}` trains it on those of now"
