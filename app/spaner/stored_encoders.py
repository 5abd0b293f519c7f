"""Gives encoders that run only for what is not stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from spaner_core.contract.modality import Aligner
from spaner_core.contract.transform import Given
from spaner_core.features.in_memory import Extracted
from spaner_core.features.inputs import KeyedInput, key_inputs
from spaner_core.features.rows import stack_rows
from spaner_core.features.stream import FeatureStream
from spaner_core.space.encoders import AssembledModality
from spaner_core.space.records import ModalityRecord

from spaner.index.proof import check_source
from spaner.project import Project


class StoredEncoders:
    """The encoders of a project; paths and texts that its store has features of are not encoded.

    So embeddings are those that searches find, and that indexes and exports have.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._opened: dict[Path, tuple[int, FeatureStream]] = {}

    def serves(self, name: str) -> bool:
        """Tell whether a plugin for the modality is installed; loads nothing."""
        return self._project.assembly.serves(name)

    def modality(self, name: str) -> AssembledModality:
        """Return the modality's encoder and transform, built when first asked for."""
        return self._project.assembly.modality(name)

    def recorded_aligner(self, record: ModalityRecord, *, prompt_dim: int) -> Aligner:
        """Build an untrained aligner as a space recorded it."""
        return self._project.assembly.recorded_aligner(record, prompt_dim=prompt_dim)

    def extract_usable(
        self,
        name: str,
        sources: Sequence[Given],
        *,
        batch_size: int,
        read_one: Callable[[], object],
    ) -> Extracted:
        """Take features of `sources` from the store, and extract those of the others in memory.

        `read_one` is called after each distinct source. Raises as `Project.check_modality` where
        what is stored does not hold any more.
        """
        given = {place: one for place, one in enumerate(sources) if isinstance(one, Path | str)}
        stream = self._stream(name) if given else None
        known = dict(_known(stream, given)) if stream is not None and stream.files else {}
        others = [place for place in range(len(sources)) if place not in known]
        found = self._project.assembly.extract_usable(
            name, [sources[place] for place in others], batch_size=batch_size, read_one=read_one
        )
        if stream is None or not known:
            return found
        check_source(self._project, name)
        for _ in {sources[place] for place in known}:
            read_one()
        places = [*known, *(others[row] for row in found.usable)]
        rows = stack_rows([stream.rows(list(known.values())).load(), found.rows])
        return Extracted(
            rows=rows.take(torch.tensor(places).argsort()),
            usable=tuple(sorted(places)),
            unusable={others[row]: why for row, why in found.unusable.items()},
        )

    def _stream(self, name: str) -> FeatureStream:
        """Open what the store has of a modality, anew where files have come or gone."""
        store = self._project.store
        identity = self._project.assembly.stream_identity(name, store)
        folder = store.folder / identity.folder
        changed_ns = folder.stat().st_mtime_ns if folder.is_dir() else 0
        known = self._opened.get(folder)
        if known is None or known[0] != changed_ns:
            known = self._opened[folder] = changed_ns, store.stream(identity)
        return known[1]


def _known(stream: FeatureStream, given: Mapping[int, Path | str]) -> Iterator[tuple[int, str]]:
    """Give the places of inputs that a stream has features of, each with its key."""
    keyed = key_inputs(given.values(), stream.hashes.hash_file)
    for place, one in zip(given, keyed, strict=True):
        if isinstance(one, KeyedInput) and one.key in stream:
            yield place, one.key
