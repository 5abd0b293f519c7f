"""Lists the rows whose inputs cannot be used, with reasons."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from spaner_core.data.manifest import Manifest, Row, Rows
from spaner_core.data.names import compose
from spaner_core.data.tables import long_cells
from spaner_core.files.atomic import written_at_end
from spaner_core.files.ordinary import open_ordinary

from spaner.space_files import QUARANTINE, beside

COLUMNS = ("modality", "line", "id", "input", "reason")

Place = tuple[str, str, str]
"""Modality, id and input: how a row is recognised when lines of the manifest have moved."""


class Quarantine:
    """What has been put aside, and the table beside the space that keeps it."""

    def __init__(self, space: Path) -> None:
        self.path = beside(space, QUARANTINE)
        self.has_news = False
        self._kept = f"{self.path} says why"
        self._looked_at: list[Rows] = []
        self._put_aside: dict[Place, str] = {}

    def add(self, rows: Rows, reasons: Mapping[int, str]) -> None:
        """Note that `rows` were looked at, and put those aside whose places have `reasons`."""
        self._put_aside = _apart(self._put_aside, [rows])
        self._looked_at.append(rows)
        self.has_news = True
        self._put_aside |= {_place(rows[number]): reason for number, reason in reasons.items()}

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each modality were put aside by this work."""
        return dict(Counter(modality for modality, *_ in self._put_aside))

    @property
    def notices(self) -> tuple[str, ...]:
        """What to say of the rows that this work has left out."""
        return tuple(
            f"{count} row{'s' * (count > 1)} of {name!r} cannot be used and "
            f"{'were' if count > 1 else 'was'} left out: {self._kept}"
            for name, count in self.counts.items()
        )

    def save(self, manifest: Manifest) -> None:
        """Bring the table up to date.

        What earlier work put aside stays where this one did not look, as long as the row is in the
        manifest. A table that cannot be written is one more thing to say: nothing depends on it.
        """
        table = {**_apart(self._read(), self._looked_at), **self._put_aside}
        rows = {_place(row): row for row in manifest.rows} if table else {}
        try:
            self._write([(rows[place], why) for place, why in table.items() if place in rows])
        except OSError as error:
            self._kept = f"{self.path}, which would say why, cannot be written ({error.strerror})"
        self.has_news = False

    def _read(self) -> dict[Place, str]:
        if not self.path.is_file():
            return {}
        try:
            with (
                long_cells(),  # an input may be a whole text
                open_ordinary(self.path) as opened,
                io.TextIOWrapper(opened, "utf-8", "replace", newline="") as file,
            ):
                rows = [[row.get(key) or "" for key in COLUMNS] for row in csv.DictReader(file)]
        except csv.Error:  # somebody has edited it: what it said is found out again
            return {}
        return {(modality, compose(id_), given): reason for modality, _, id_, given, reason in rows}

    def _write(self, table: Sequence[tuple[Row, str]]) -> None:
        if not table:
            if self.path.exists():  # else a file system that may only be read would complain
                self.path.unlink(missing_ok=True)
            return
        with (
            written_at_end(self.path) as partial,
            partial.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row, reason in sorted(table, key=lambda entry: entry[0].line):
                writer.writerow((row.modality, row.line, row.id, row.input, reason))


def _apart(table: dict[Place, str], looked_at: Sequence[Rows]) -> dict[Place, str]:
    """Return what a table says of others than the rows that were looked at."""
    if not table:
        return table
    seen = {_place(row) for rows in looked_at for row in rows}
    return {place: why for place, why in table.items() if place not in seen}


def _place(row: Row) -> Place:
    return row.modality, row.id, row.input
