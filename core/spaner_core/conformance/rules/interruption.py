"""Checks that Ctrl-C comes through while an input is read."""

from __future__ import annotations

import gc
import shutil
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from spaner_core.conformance.noted_transform import name_of
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.transform import Sample


class _Line(NamedTuple):
    """A line of the plugin that calls something."""

    file: str
    number: int


def check_interruption(subject: Subject) -> str:
    """Ctrl-C ends decode and prepare, whichever of their lines it meets."""
    tried: set[_Line] = set()
    _ = subject.windows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a file just opened is closed by Python
        for source in map(partial(_copied, subject), subject.examples.inputs):
            lines: dict[_Line, None] = {}
            _read(subject, source, at_call=lines.setdefault)
            for line in lines:
                if line not in tried:
                    _interrupt(subject, source, line)
            tried |= lines.keys()
        gc.collect()
    return f"at {len(tried)} lines"


def _copied(subject: Subject, source: Path | str) -> Path | str:
    """Copy a file to a folder, in which whatever an interruption leaves behind disturbs nobody."""
    if not isinstance(source, Path):
        return source
    folder = subject.folder / "interrupted"
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(source, folder / source.name))


def _interrupt(subject: Subject, source: Path | str, line: _Line) -> None:
    met: list[_Line] = []

    def at_call(current: _Line) -> None:
        if current == line:
            met.append(line)
            raise KeyboardInterrupt

    try:
        _read(subject, source, at_call=at_call)
        what = "goes on"
    except KeyboardInterrupt:
        return
    except (Exception, SystemExit) as error:
        what = f"raises {type(error).__name__}"
    if not met:  # it called something the first time only
        return
    raise BrokenRule(
        f"reading {name_of(source)} {what} after Ctrl-C at {Path(line.file).name}, "
        f"line {line.number}",
        "KeyboardInterrupt to come through",
        "catch the errors that a parser raises, such as (OSError, ValueError); never BaseException",
    )


def _read(subject: Subject, source: Path | str, *, at_call: Callable[[_Line], object]) -> None:
    """Read an input; `at_call` is told of each line of the plugin's package that calls something.

    What `at_call` raises is raised there.
    """
    package = subject.reference.partition(":")[0].partition(".")[0]

    def watch(frame: FrameType, event: str, _: Any) -> None:
        caller = frame if event == "c_call" else frame.f_back if event == "call" else None
        if frame.f_code.co_name == "__del__":  # nothing that is raised comes out of it
            return
        if caller and _is_own(caller, package):
            at_call(_Line(caller.f_code.co_filename, caller.f_lineno))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        sample: Sample = subject.built.transform.decode(source)
        list(subject.built.transform.prepare(sample))
    finally:
        sys.setprofile(before)


def _is_own(frame: FrameType, package: str) -> bool:
    """Tell whether it is the plugin's code, called by nothing but the plugin's from `_read` on.

    What a library calls back, such as `read` of a file of the plugin's, cannot always raise.
    """
    at: FrameType | None = frame
    while at is not None and _package(at) == package:
        at = at.f_back
    return at is not frame and at is not None and _package(at) == _package(sys._getframe())


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]
