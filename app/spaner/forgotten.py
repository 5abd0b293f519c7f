"""Knows what was forgotten, by salted hashes, and leaves it out.

The list lies beside the manifest, `manifest.forgotten.json` for `manifest.csv`, and holds for all
that read that manifest: ids of rows, and keys of contents, so that neither a row that is still
listed nor the same bytes under another id come back.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from spaner_core.data.manifest import Rows
from spaner_core.errors import DataError
from spaner_core.features.inputs import HashFile, KeyedInput, key_inputs
from spaner_core.files.documents import fit, read_versioned, write_json
from spaner_core.files.replacing import writing_alone

FORMAT_VERSION = 1
SALT_BYTES = 16
DIGITS = 32


def salted(salt: str, kind: str, value: str) -> str:
    """Return what tells whether a value is another, and nobody what it is who has not got it."""
    content = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(bytes.fromhex(salt) + content).hexdigest()[:DIGITS]


def new_salt() -> str:
    """Return a salt, in hexadecimal."""
    return secrets.token_hex(SALT_BYTES)


@dataclass(frozen=True, kw_only=True)
class Once:
    """What was forgotten at once: salted hashes of ids and of keys of contents."""

    at: str
    ids: tuple[str, ...]
    contents: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """All that was forgotten of a manifest."""

    salt: str
    items: tuple[Once, ...] = ()

    def when(self, row: str) -> str | None:
        """Return when the row of an id was forgotten, None where it was not."""
        hashed = salted(self.salt, "id", row)
        return next((once.at for once in self.items if hashed in once.ids), None)

    def without(self, rows: Rows) -> Rows:
        """Return the rows whose ids were not forgotten."""
        if not self._ids:
            return rows
        ids = rows.cells["id"].to_pylist()
        kept = [n for n, name in enumerate(ids) if salted(self.salt, "id", name) not in self._ids]
        return rows if len(kept) == len(rows) else rows.take(kept)

    def places_without(self, sources: Sequence[Path | str], hash_file: HashFile) -> list[int]:
        """Return the places of sources whose content was not forgotten."""
        return [
            place
            for place, given in enumerate(key_inputs(sources, hash_file))
            if not isinstance(given, KeyedInput) or not self._has_content(given.key)
        ]

    def _has_content(self, key: str) -> bool:
        return salted(self.salt, "content", key) in self._contents

    @cached_property
    def _ids(self) -> set[str]:
        return {hashed for once in self.items for hashed in once.ids}

    @cached_property
    def _contents(self) -> set[str]:
        return {hashed for once in self.items for hashed in once.contents}


def forgotten_path(manifest: Path) -> Path:
    """Return where the list of a manifest is."""
    return (manifest if manifest.name else manifest.absolute()).with_suffix(".forgotten.json")


def read_forgotten(manifest: Path) -> Forgotten:
    """Read what was forgotten of a manifest.

    Raises `DataError` where the list is damaged: without it, all would come back.
    """
    path = forgotten_path(manifest)
    try:
        version, content = read_versioned(path)
        if version != FORMAT_VERSION:
            raise ValueError(f"format version {version!r}, this SPANER reads {FORMAT_VERSION}")
        return fit(content, Forgotten)
    except FileNotFoundError:
        return Forgotten(salt=new_salt())
    except (OSError, ValueError) as error:
        why = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DataError(
            f"{path}: it says what was forgotten, and cannot be read ({why}); put back a copy"
        ) from error


def remember_forgotten(
    manifest: Path, known: Forgotten, *, ids: Iterable[str], contents: Iterable[str]
) -> None:
    """Add rows and contents to the list; `known` gives the salt of a new one."""
    path = forgotten_path(manifest)
    with writing_alone(path):
        if path.exists():
            known = read_forgotten(manifest)
        once = Once(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            ids=tuple(sorted(salted(known.salt, "id", one) for one in ids)),
            contents=tuple(sorted(salted(known.salt, "content", one) for one in contents)),
        )
        said = {(earlier.ids, earlier.contents) for earlier in known.items}
        if (once.ids, once.contents) not in said:
            changed = replace(known, items=(*known.items, once))
            write_json(path, {"format_version": FORMAT_VERSION, **asdict(changed)})
