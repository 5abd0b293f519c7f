"""Finds the line of a plugin's own code that raised an error."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from spaner_core.errors import one_line

_CALLERS = ("spaner", "spaner_core", "pluggy", "torch")
"""Packages through which a plugin's code is called; it begins with the first other line."""

_LOADS = str(Path("importlib", "metadata", "__init__.py"))
"""What imports a plugin for whoever wants it."""


def with_place(error: BaseException, *, callers: int = 1) -> str:
    """Give an error's type and words, and the plugin's line that raised it, in one line."""
    place = raised_at(error, callers=callers)
    return one_line(error) if place is None else f"{one_line(error)}, at {place}"


def raised_at(error: BaseException, *, callers: int = 1) -> str | None:
    """Name the plugin's line that raised an error; None where no line of a plugin is on the way.

    The outermost `callers` frames and the packages they are in are no plugin's: the first caught
    the error, the next may hold the block that a guard watches.
    """
    way = [
        (frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    packages = {_package(Path(file)) for file, _ in way[:callers]}
    return plugin_line(step for step in way[callers:] if packages.isdisjoint(Path(step[0]).parents))


def plugin_line(steps: Iterable[tuple[str, int]]) -> str | None:
    """Name the last line of the plugin's own package among files and lines, outermost first.

    What its libraries do is blamed on the line that called them.
    """
    way = list(steps)
    loads = [place for place, (file, _) in enumerate(way) if file.endswith(_LOADS)]
    own_way = way[loads[-1] :] if loads else way
    foreign = [(Path(file), line) for file, line in own_way if not _is_callers(file)]
    if not foreign:
        return None
    own = _package(foreign[0][0])
    path, line = [step for step in foreign if step[0].is_relative_to(own)][-1]
    return f"{path.relative_to(own.parent).as_posix()}, line {line}"


def _package(file: Path) -> Path:
    """Return the folder of the whole package that a file belongs to; the file where none does."""
    place = file
    while (place.parent / "__init__.py").is_file():
        place = place.parent
    return place


@cache
def _is_callers(file: str) -> bool:
    if file.startswith("<"):  # Python's own import, or code that is in no file
        return True
    path, standard = Path(file), Path(sysconfig.get_path("stdlib"))
    if path.is_relative_to(standard) and "site-packages" not in path.parts:
        return True
    return any(path.is_relative_to(folder) for folder in _callers_folders())


@cache
def _callers_folders() -> tuple[Path, ...]:
    found = [find_spec(name) for name in _CALLERS]
    return tuple(Path(spec.origin).parent for spec in found if spec is not None and spec.origin)
