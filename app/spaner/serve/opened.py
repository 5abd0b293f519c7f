"""Keeps a project open, and reads anew what has changed of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from spaner_core.errors import SpanerError
from spaner_core.features.inputs import stamp_of

from spaner.forgotten import forgotten_path
from spaner.left_out_modalities import LeftOut
from spaner.project import Project
from spaner.quarantine import Quarantine
from spaner.serve.errors import Refused

Stamps = tuple[object, ...]


class Opened:
    """A project for one thread that answers many questions.

    `open_project` reads the configuration anew. A changed configuration opens another project, so
    that a changed policy binds at once; a changed space or manifest is read again.
    """

    def __init__(self, open_project: Callable[[], Project]) -> None:
        self._open = open_project
        self._project: Project | None = None
        self._configured: Stamps = ()
        self._read: Stamps = ()

    def now(self) -> Project:
        """Return the project as its files are now, with nothing said yet.

        Raises `Refused` while the configuration is wrong: what it said before no longer binds.
        """
        project = self._project
        if project is None or self._configured != _stamps(project.config.path):
            self._project = None
            try:
                project = self._open()
            except SpanerError as error:
                if not self._read:  # it never was right: the service does not begin
                    raise
                raise Refused(503, str(error)) from error
            self._configured = _stamps(project.config.path)
            self._project, self._read = project, ()
        read = _stamps(*_files_of(project))
        if read != self._read:
            project.read_anew()
            self._read = read
        project.said.clear()
        project.left_out, project.quarantine = LeftOut(), Quarantine(project.config.space)
        return project


def _files_of(project: Project) -> Iterator[Path]:
    """Give what is replaced or gets another entry where space or manifest change."""
    space, manifest = project.config.space, project.config.data.manifest
    yield from (space, space / "prompt", space / "aligners", manifest, forgotten_path(manifest))


def _stamps(*paths: Path) -> Stamps:
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> object:
    try:
        return stamp_of(path.stat())
    except OSError as error:
        return error.errno
