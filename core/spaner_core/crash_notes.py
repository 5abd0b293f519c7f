"""Keeps what a process was at when it died."""

from __future__ import annotations

import faulthandler
import os
import re
import sys
from pathlib import Path
from typing import IO, Any

from spaner_core.contract.error_lines import plugin_line

_STACK, _INPUT = "stack.txt", "input.txt"
_STEP = re.compile(r'^  File "(.+)", line (\d+) in ', re.M)

_kept: list[IO[str]] = []
"""Files of the input and the stack, where this process keeps its notes."""


def keep_crash_notes(folder: Path) -> None:
    """Keep in `folder` where this process ends, and at which input, whatever ends it.

    Crashes in C, signals that it sends itself and `os._exit` are noticed as they come.
    """
    if _kept:
        return
    for name in (_INPUT, _STACK):
        _kept.append((folder / name).open("w", encoding="utf-8"))
    faulthandler.enable(_kept[1], all_threads=False)
    leave, process = os._exit, os.getpid()

    def _exit(status: int) -> Any:
        if os.getpid() == process:  # a fork leaves so without harm
            _dump()
        leave(status)

    def look(event: str, given: tuple[Any, ...]) -> None:
        if event == "os.kill" and given[0] in (0, process):
            _dump()

    os._exit = _exit
    sys.addaudithook(look)


def note_input(name: str) -> None:
    """Note the input that is read from now on, where this process keeps its notes."""
    if _kept:
        file = _kept[0]
        file.seek(0)
        file.truncate()
        file.write(name)
        file.flush()


def read_crash_notes(folder: Path) -> str:
    """Say where the process ended that kept notes in `folder`; empty where it says none.

    They follow how it ended: " at spaner_thermal/transform.py, line 9; the last input it read ...".
    """
    steps = [(file, int(line)) for file, line in _STEP.findall(_read(folder / _STACK))]
    place, name = plugin_line(reversed(steps)), _read(folder / _INPUT)
    words = f" at {place}" if place else ""
    return f"{words}; the last input it read was {name}" if name else words


def _dump() -> None:
    file = _kept[1]
    file.seek(0)
    file.truncate()
    faulthandler.dump_traceback(file, all_threads=False)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
