"""What a user names for a command to write: looked at before the work, so that none is lost.

What the project itself reads or keeps is never replaced, another file only with `--overwrite`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from spaner_core.data.manifest import read_manifest
from spaner_core.errors import ConfigError, DataError, OutputExists
from spaner_core.features.inputs import without_part
from spaner_core.writing import partial_path
from spaner_registry.config import Config

from spaner.beside import KEPT, beside
from spaner.project import Project


def check_output_file(
    project: Project, path: Path, *, flag: str, overwrite: bool, suffix: str | None = None
) -> None:
    """Raise unless a command may write the file that its `flag` names.

    `OutputExists` is for a file that is there and was not to be replaced, `ConfigError` for one
    that the project reads, a place in its space or feature store, one that cannot be written, and
    a name without the `suffix` expected.
    """
    if suffix is not None and path.suffix.lower() != suffix:
        raise ConfigError(f"{flag} {path}: expected a file that ends in {suffix}; name one")
    _check_apart(project, path, given=f"{flag} {path}")
    check_writable(path, given=f"{flag} {path}")
    if _is_read(project, path):
        raise ConfigError(
            f"{flag} {path}: the project reads that file itself; expected a new one; name one"
        )
    if os.path.lexists(path) and not overwrite:
        raise OutputExists(f"{path} exists; name another {flag}, or replace it with --overwrite")


def check_output_folder(project: Project, path: Path, *, flag: str) -> None:
    """Raise `ConfigError` where `path` cannot be made, or lies in the space or feature store."""
    _check_apart(project, path, given=f"{flag} {path}")
    _rehearse(path, given=f"{flag} {path}")


def check_writable(path: Path, *, given: str) -> None:
    """Raise `ConfigError` unless a file can be written at `path`; `given` is what asked for it."""
    _rehearse(path, given=given)
    if path.is_dir():
        raise ConfigError(f"{given}: that is a folder; expected a file; name one, or move it away")


def _check_apart(project: Project, path: Path, *, given: str) -> None:
    place = _real(path)
    for config in (project.config, project.config.as_written):
        for kind, kept in _kept(config):
            if place.is_relative_to(_real(kept)):
                raise ConfigError(
                    f"{given}: that is in the {kind} {kept}, which holds nothing else; name "
                    "another place"
                )


def _kept(config: Config) -> Iterator[tuple[str, Path]]:
    """Give the files and folders that commands keep, and what each is."""
    yield "space", config.space
    yield "feature store", config.feature_store
    for ending in KEPT:
        yield "place of SPANER's own", beside(config.space, ending)


def _rehearse(path: Path, *, given: str) -> None:
    """Make and remove what writing to `path` begins with, in the folder around it that exists."""
    try:
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if folder.is_dir():
            probe = folder / partial_path(path.absolute()).name
            probe.touch()
            probe.unlink()
            return
    except OSError as error:
        raise ConfigError(
            f"{given}: nothing can be written there ({error.strerror}); give rights or make room, "
            "or name another place"
        ) from error
    raise ConfigError(f"{given}: {folder} is a file; expected a folder; name another place")


def _is_read(project: Project, path: Path) -> bool:
    """Tell whether a path is a file that the project reads, by whichever name."""
    if _real(path) in {_real(own) for own in _own_files(project)}:
        return True
    try:
        there = path.stat()
    except OSError:  # nothing is there
        return False
    for given in _inputs(project):
        with suppress(OSError, ValueError):  # it is no file: gone, or the input itself
            if os.path.samestat(there, given.stat()):
                return True
    return False


def _own_files(project: Project) -> Iterator[Path]:
    yield project.config.path
    for config in (project.config, project.config.as_written):
        yield config.data.manifest
        if config.prompt.labels is not None:
            yield config.prompt.labels


def _inputs(project: Project) -> Iterator[Path]:
    """Give where inputs of the manifest are, and of the one that --manifest took the place of."""
    manifests = [project.manifest]
    own = project.config.as_written.data.manifest
    if own != project.manifest.path:
        with suppress(DataError):  # it need not be there
            manifests.append(read_manifest(own))
    for manifest in manifests:
        for given in {row.input for row in manifest.rows}:
            path = manifest.path.parent / given
            yield path
            if path.name:
                yield without_part(path)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # which a circle of links does not trouble
