"""Remembers aligners whose features were extracted anew after they had been trained."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from spaner_core.errors import DataError
from spaner_core.files.documents import read_or, write_json
from spaner_core.files.leftovers import remove_left_files
from spaner_core.files.replacing import writing_alone

OUTDATED = "outdated"


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
