"""Opens the feature store: a folder with a stream per encoder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from spaner_core.errors import DataError
from spaner_core.features.hashes import FileHashes
from spaner_core.features.stream import FeatureStream
from spaner_core.features.stream_records import DESCRIPTION, FORMAT_VERSION, StreamIdentity
from spaner_core.files.atomic import remove_left_files, written_at_end
from spaner_core.files.documents import fit, read_json, read_or, write_json
from spaner_core.files.ordinary import read_small
from spaner_core.files.replacing import writing_alone

USES, OUTDATED = "uses", "outdated"


@dataclass(frozen=True, kw_only=True)
class Use:
    """A stream that serves the rows of one modality of a manifest, as a configuration asked."""

    config: str
    manifest: str
    modality: str
    stream: str


KindT = TypeVar("KindT", Use, StreamIdentity)


class FeatureStore:
    """Features that were extracted, in `folder`, as numbers of `dtype` (float16 or float32)."""

    def __init__(self, folder: Path, *, dtype: str = "float16") -> None:
        self.folder, self.dtype, self.hashes = folder, dtype, FileHashes(folder)

    def stream(self, identity: StreamIdentity) -> FeatureStream:
        """Open a stream; it holds nothing before it is written."""
        return FeatureStream(self.folder / identity.folder, identity, hashes=self.hashes)

    def streams(self) -> Iterator[FeatureStream]:
        """Open every stream that there is."""
        for path in sorted(self.folder.glob(f"*/{DESCRIPTION}")):
            try:
                identity = _read(path, StreamIdentity)
            except (OSError, TypeError, ValueError):
                continue  # no description of ours: what lies there is not ours to touch
            # a newer SPANER's features are not ours to judge
            if (identity.folder, identity.format_version) == (path.parent.name, FORMAT_VERSION):
                yield self.stream(identity)

    def outdated(self, identity: StreamIdentity) -> OutdatedAligners:
        """Return the aligners that were trained on what a stream held earlier."""
        return OutdatedAligners(self.folder, identity.folder)

    def note_use(self, use: Use) -> None:
        """Remember that a stream is used, in place of the one used before in the same place."""
        place = f"{use.config}|{use.manifest}|{use.modality}"
        name = f"{use.modality}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:16]}.json"
        path, described = self.folder / USES / name, json.dumps(asdict(use), indent=2).encode()
        with suppress(OSError):  # a store that may only be read is not pruned either
            if not path.is_file() or read_small(path) != described:
                with writing_alone(path), written_at_end(path) as partial:
                    remove_left_files(path.parent, lambda name: name.endswith(".json"))
                    partial.write_bytes(described)

    def uses(self) -> dict[Path, Use]:
        """Return what was remembered, with the file that holds each."""
        found = {}
        for path in sorted((self.folder / USES).glob("*.json")):
            with suppress(OSError, TypeError, ValueError):
                found[path] = _read(path, Use)
        return found


class OutdatedAligners:
    """Fingerprints of aligners that read a stream, and were trained on what it held before."""

    def __init__(self, store: Path, stream: str) -> None:
        self.path = store / OUTDATED / f"{stream}.json"

    def __contains__(self, fingerprint: object) -> bool:
        return fingerprint in self._read()

    def __len__(self) -> int:
        return len(self._read())

    def add(self, fingerprints: Iterable[str]) -> None:
        """Remember aligners. Raises `DataError` where the store cannot be written."""
        try:
            self._write({*self._read(), *fingerprints})
        except OSError as error:
            raise DataError(
                f"{self.path}: cannot be written ({error.strerror or error}); make room or give "
                "rights, and run the command again"
            ) from error

    def discard(self, fingerprint: str) -> None:
        """Forget an aligner that was trained anew, whose fingerprint may be the same."""
        if fingerprint in self:
            with suppress(OSError):  # a store that may only be read
                self._write(self._read() - {fingerprint})

    def _read(self) -> set[str]:
        return set(read_or([], self.path, kind=list[str]))  # mostly there is none

    def _write(self, fingerprints: Iterable[str]) -> None:
        with writing_alone(self.path):
            remove_left_files(self.path.parent, lambda name: name.endswith(".json"))
            write_json(self.path, sorted(fingerprints))


def _read(path: Path, kind: type[KindT]) -> KindT:
    """Read what was written; raises `OSError`, or `TypeError` and `ValueError` for anything else.

    Neither a missing or further key nor a value of another type passes.
    """
    return fit(asdict(kind(**read_json(path))), kind)
