"""Remembers aligners whose features were extracted anew after they had been trained."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter

from spaner_core.errors import DataError
from spaner_core.leftovers import remove_left_files
from spaner_core.ordinary_files import read_small
from spaner_core.replacing import writing_alone
from spaner_core.writing import written_at_end

OUTDATED = "outdated"

_FINGERPRINTS = TypeAdapter(list[str])


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
        try:
            return set(_FINGERPRINTS.validate_json(read_small(self.path)))
        except (OSError, ValueError):  # mostly there is none
            return set()

    def _write(self, fingerprints: Iterable[str]) -> None:
        with writing_alone(self.path):
            remove_left_files(self.path.parent, lambda name: name.endswith(".json"))
            with written_at_end(self.path) as partial:
                partial.write_text(json.dumps(sorted(fingerprints), indent=2), encoding="utf-8")
