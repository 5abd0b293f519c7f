"""Keeps what one encoder gives for the inputs of one modality."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch

from spaner_core.errors import DataError, PluginError
from spaner_core.features.batch_files import (
    SUFFIX,
    BatchFile,
    DamagedFile,
    copy_batch_file,
    file_name,
    is_file_name,
    is_of_store,
    read_batch_file,
    write_batch_file,
)
from spaner_core.features.encoding import EncodedSample
from spaner_core.features.hashes import FileHashes
from spaner_core.features.inputs import KeyedInput
from spaner_core.features.stored_rows import StoredRows
from spaner_core.features.stream_records import (
    DESCRIPTION,
    PLAN,
    REFUSED,
    StreamIdentity,
    read_plan,
    read_refused,
    write_plan,
    write_refused,
)
from spaner_core.files.atomic import remove_left_files
from spaner_core.files.documents import write_json
from spaner_core.files.locks import locked
from spaner_core.files.replacing import writing_alone
from spaner_core.pretrained.freeze import FrozenEncoder
from spaner_core.progress import spent


class Pruned(NamedTuple):
    """How many samples were removed, what that freed, and files that are not the store's own."""

    rows: int
    bytes: int
    strange: tuple[Path, ...] = ()


class FeatureStream:
    """Features by the key of their input, a file a batch.

    A file that is damaged, or holds features of another identity, counts as not there; it is
    written anew when its inputs are needed.
    """

    def __init__(
        self, folder: Path, identity: StreamIdentity, *, hashes: FileHashes | None = None
    ) -> None:
        self.folder, self.identity, self.hashes = folder, identity, hashes or FileHashes()
        self._described: dict[str, Any] = asdict(identity)
        self._files: list[BatchFile] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._written: list[Path] = []
        self.refused: dict[str, str] = {}
        """Keys of inputs that could not be used, each with the reason."""
        self._read_index()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    @property
    def files(self) -> Sequence[BatchFile]:
        """The files that can be used."""
        return self._files

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other processes from writing until the block ends; look first at what they wrote.

        Raises `DataError` where the folder cannot be written.
        """
        with self._explained():
            self.folder.mkdir(parents=True, exist_ok=True)
        with writing_alone(self.folder / PLAN):
            with self._explained():
                remove_left_files(self.folder, _is_name_of_ours)
                self._describe()
                self._read_index()
            yield

    @contextmanager
    def proven(self, encoder: FrozenEncoder) -> Iterator[None]:
        """Take back what is written in the block where `encoder` did not stay as it was.

        Raises `PluginError` then.
        """
        before = len(self._written)
        try:
            yield
        finally:  # its weights are looked at however the block ends
            try:
                encoder.prove()
            except PluginError:
                for path in self._written[before:]:
                    path.unlink(missing_ok=True)
                raise

    def plan(self, missing: Mapping[str, KeyedInput]) -> list[list[str]]:
        """Cut missing inputs into batches of like size, the largest first, and keep that plan.

        Batches of an interrupted plan stay as they were, so that its end gives the same files.
        """
        with self._explained():
            return write_plan(self.folder, missing)

    def write(self, batch: Sequence[str], samples: Mapping[str, EncodedSample]) -> Path | None:
        """Write what a planned batch gave, under a name that its plan decides; None for nothing.

        Raises `DataError` where a feature is too large for the stream's dtype.
        """
        if not samples:
            return None
        path = self.folder / file_name(batch)
        with spent("store"), self._explained():
            # in the plan's order, whatever the order in which encoding ended
            ordered = {key: samples[key] for key in batch if key in samples}
            write_batch_file(path, ordered, dtype=self.identity.dtype, identity=self._described)
            self._written.append(path)
            self._add(path)
        return path

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Remember inputs that cannot be used, so that nobody tries them again unasked."""
        self._write_refused({**self.refused, **reasons})

    def _write_refused(self, reasons: Mapping[str, str]) -> None:
        self.refused = {key: reasons[key] for key in sorted(reasons) if key not in self}
        with self._explained():
            write_refused(self.folder, self.refused)

    def finish(self) -> None:
        """Forget the plan: all that could be extracted was."""
        (self.folder / PLAN).unlink(missing_ok=True)

    def settle(self) -> None:
        """Forget a plan that was carried out by a process that was killed before it did so.

        Where another process writes, or no lock says that none does, the plan stays.
        """
        if self._is_plan_done():
            with locked(self.folder) as alone, suppress(OSError):  # it may only be read
                if alone and self._is_plan_done():
                    self.finish()

    def keep(self, choose: Callable[[], Set[str] | None]) -> Pruned:
        """Remove all but the features of the keys chosen, and files that cannot be used.

        Files that the store has not written stay as they are. `choose` is asked when no other
        process writes: what those wrote last has its use, too. Where it cannot tell, and returns
        None, everything stays.
        """
        with self.writing(), self._explained():
            before, rows, keys = self._size_bytes(), len(self._places), choose()
            if keys is None:
                return Pruned(0, 0)
            self._remove_unused(keys)
            kept = {self._keep_in(number, keys) for number in range(len(self._files))}
            self._remove(set(self._paths()) - kept)
            self._read_index()
            self._write_refused({k: why for k, why in self.refused.items() if k in keys})
            if not (self._places or self.refused):
                for name in (PLAN, DESCRIPTION):
                    (self.folder / name).unlink(missing_ok=True)
            strange = {*self.folder.glob(f"*{SUFFIX}")} - {*filter(is_of_store, self._paths())}
            freed = before - self._size_bytes()
            pruned = Pruned(rows - len(self._places), freed, tuple(sorted(strange)))
        with suppress(OSError):  # anything else in it is not ours to remove
            self.folder.rmdir()
        return pruned

    def take_over(self, other: FeatureStream) -> None:
        """Let the files of `other` take the place of all that are here, while writing alone.

        The old ones go first: killed at any moment, features of two kinds never stand together.
        """
        with self._explained():
            self._remove_unused(frozenset())
            self.finish()
            for file in other.files:
                file.path.replace(self.folder / file.path.name)
            self._read_index()
            self._write_refused(other.refused)

    def _remove_unused(self, keys: Set[str]) -> None:
        """Remove whole files first: a full disk has no room for what is kept of others."""
        self._remove(set(self._paths()) - {file.path for file in self._files})
        self._remove({file.path for file in self._files if not keys & set(file.keys)})
        self._read_index()

    def _remove(self, paths: Set[Path]) -> None:
        for path in paths:
            if is_of_store(path):
                path.unlink()

    def _keep_in(self, number: int, keys: Set[str]) -> Path | None:
        """Return the file that holds those of a file's samples that are kept, if any are."""
        file = self._files[number]
        kept = [key for key in file.keys if key in keys and self._places[key][0] == number]
        if len(kept) in (0, len(file.keys)):
            return file.path if kept else None
        target = self.folder / file_name(kept)
        copy_batch_file(file.path, target, keys=set(kept), identity=self._described)
        return target

    def _paths(self) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"*{SUFFIX}") if is_file_name(path.name))

    def _size_bytes(self) -> int:
        return sum(path.lstat().st_size for path in self._paths())

    def _describe(self) -> None:
        path = self.folder / DESCRIPTION
        if not path.exists():
            write_json(path, self._described)

    def rows(self, keys: Sequence[str]) -> StoredRows:
        """Return the rows of inputs, in the order of `keys`, which must be in the stream."""
        places = torch.tensor([self._places[key] for key in keys]).long().reshape(-1, 2)
        return StoredRows(self._files, places, dim=self.identity.dim)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{self.folder}: features cannot be kept there ({error.strerror or error}); make "
                "room or give rights, or name another folder under features.store in plugins.yaml"
            ) from error

    def _read_index(self) -> None:
        self._files, self._places = [], {}
        with spent("store"):
            for path in self._paths():
                self._add(path)
            known = read_refused(self.folder)
            self.refused = {key: why for key, why in known.items() if key not in self}

    def _add(self, path: Path) -> None:
        try:
            file = read_batch_file(path, identity=self._described)
        except DamagedFile:
            return
        for sample, key in enumerate(file.keys):
            self._places.setdefault(key, (len(self._files), sample))
        self._files.append(file)

    def _is_plan_done(self) -> bool:
        plan = read_plan(self.folder)
        return bool(plan) and all(key in self for batch in plan for key in batch)


def _is_name_of_ours(name: str) -> bool:
    return name in (PLAN, DESCRIPTION, REFUSED) or is_file_name(name)
