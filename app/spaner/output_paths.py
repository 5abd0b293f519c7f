"""Checks output paths before any work starts.

What the project itself reads or keeps is never replaced, another file only with `--overwrite`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from spaner_core.contract.sources import without_part
from spaner_core.data.manifest import read_manifest
from spaner_core.errors import ConfigError, DataError, OutputExists
from spaner_core.files.atomic import begun_file, real_path
from spaner_registry.config.settings import Config

from spaner.arguments import check_suffix
from spaner.audit.readable import readable_path
from spaner.forgotten import forgotten_path
from spaner.project import Project
from spaner.space_files import KEPT, TRACES, beside

ROOM_BYTES = 2**18
"""What must fit on the disk of an output; a space, a map or a table is hardly smaller."""


def check_output_file(
    project: Project, path: Path, *, flag: str, overwrite: bool, suffix: str | None = None
) -> None:
    """Raise unless a command may write the file that its `flag` names.

    `OutputExists` is for a file that is there and was not to be replaced, `ConfigError` for one
    that the project reads, a place in its space or feature store, one that cannot be written, and
    a name without the `suffix` expected.
    """
    if suffix is not None:
        check_suffix(path, flag=flag, suffix=suffix)
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


def check_new_space(project: Project) -> None:
    """Raise `ConfigError` unless the project's space can be written, or replaced."""
    space = real_path(project.config.space)
    given = f"space {project.config.space}"
    _rehearse(space, given=given)
    if space.is_dir():
        _check_one_file_system(space, given=given)


def check_growing_space(project: Project, part: str) -> None:
    """Raise `ConfigError` unless a part can be added to the project's space, below `part` in it."""
    space = real_path(project.config.space)
    given = f"space {project.config.space}"
    _rehearse(space, given=given)  # what is new is made beside it
    _check_one_file_system(space, given=given)
    folder = space / part if (space / part).is_dir() else space
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            f"{given}: nothing can be added to {folder}; give rights, or give another --space"
        )


def check_traces(project: Project) -> None:
    """Raise `ConfigError` unless traces of a training can be written, where it leaves any."""
    if project.config.training.eval_steps is not None:
        traces = beside(project.config.space, TRACES)
        _rehearse(traces / "log.csv", given=f"traces of the training in {traces}")


def check_writable(path: Path, *, given: str) -> None:
    """Raise `ConfigError` unless a file can be written at `path`; `given` is what asked for it."""
    _rehearse(path, given=given)
    if path.is_dir():
        raise ConfigError(f"{given}: that is a folder; expected a file; name one, or move it away")


def _check_apart(project: Project, path: Path, *, given: str) -> None:
    place = real_path(path)
    for config in (project.config, project.config.as_written):
        for kind, kept in _kept(config):
            if place.is_relative_to(real_path(kept)):
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


def _check_one_file_system(space: Path, *, given: str) -> None:
    """Refuse a mounted folder: none that is made beside it can be renamed into it."""
    if space.stat().st_dev != space.parent.stat().st_dev:
        raise ConfigError(
            f"{given}: it is another file system than {space.parent}, in which everything new is "
            "made before it is renamed; name a folder in it"
        )


def _rehearse(path: Path, *, given: str) -> None:
    """Write something beside `path` and remove it, in the folder around it that exists."""
    try:
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if folder.is_dir():
            with begun_file(folder / path.absolute().name) as probe:
                probe.write_bytes(bytes(ROOM_BYTES))
            return
    except OSError as error:
        raise ConfigError(
            f"{given}: nothing can be written there ({error.strerror}); give rights or make room, "
            "or name another place"
        ) from error
    raise ConfigError(f"{given}: {folder} is a file; expected a folder; name another place")


def _is_read(project: Project, path: Path) -> bool:
    """Tell whether a path is a file that the project reads, by whichever name."""
    if real_path(path) in {real_path(own) for own in _own_files(project)}:
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
        yield forgotten_path(config.data.manifest)
        if config.prompt.labels is not None:
            yield config.prompt.labels
        if (log := config.policy.audit_log) is not None:
            yield log
            yield readable_path(log)


def _inputs(project: Project) -> Iterator[Path]:
    """Give where inputs of the manifest are, and of the one that --manifest took the place of."""
    manifests = [project.whole_manifest]
    own = project.config.as_written.data.manifest
    if own != project.whole_manifest.path:
        with suppress(DataError):  # it need not be there
            manifests.append(read_manifest(own))
    for manifest in manifests:
        for given in {row.input for row in manifest.rows}:
            path = manifest.path.parent / given
            yield path
            if path.name:
                yield without_part(path)
