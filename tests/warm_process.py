"""Runs Python in processes forked from one that has imported the heavy libraries.

A process of its own for each task, without its own seconds of imports. Not a test:
`tests/process.py` starts it, and says there what may be asked of it.
"""

from __future__ import annotations

import atexit
import gc
import os
import pkgutil
import resource
import signal
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any

OURS = (
    "spaner",
    "spaner_core",
    "spaner_registry",
    "spaner_text",
    "spaner_vision",
    "spaner_audio",
    "spaner_sensor",
)
LATER = ("matplotlib.pyplot", "optuna", "sklearn.cluster", "sklearn.isotonic", "sklearn.neighbors")
"""What ours import within functions."""

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
"""Audit events, besides the opening of a file to write, at which a process may be told to stop."""

LONGEST_S = 300
"""Seconds of processor time after which a process is taken to turn in circles."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a process is to do.

    `code` runs as a main module with `arguments`; `path` stands before the rest of `sys.path`. The
    process stops before each change of a file whose path has `stops` in it, from change number
    `first` on, or is killed after `seconds` of its processor time.
    """

    code: str
    arguments: tuple[str, ...]
    cwd: str
    environment: dict[str, str]
    path: tuple[str, ...] = ()
    stops: str | None = None
    first: int = 1
    seconds: float | None = None


def serve(asked: Connection) -> None:
    """Answer tasks with process numbers, and process numbers, once they end, with how."""
    for name in (*OURS, *LATER):
        module = import_module(name)
        for found in pkgutil.walk_packages(module.__path__, f"{name}.") if name in OURS else ():
            if not found.name.endswith("__main__"):
                import_module(found.name)
    program = import_module("spaner.cli.running").build_commands(import_module("spaner.cli").app)
    list(program.commands.values())  # each is built when it is asked for
    gc.collect()
    gc.freeze()  # else each process copies the memory whose garbage it looks for
    with suppress(EOFError):
        while True:
            what = asked.recv()
            asked.send(_wait(what) if isinstance(what, int) else _start(Task(**what), asked))


def _start(task: Task, asked: Connection) -> int:
    files = [recv_handle(asked) for _ in range(4)]
    child = os.fork()
    if child == 0:
        asked.close()
        _run(task, *files)
    for file in files:
        os.close(file)
    return child


def _wait(child: int) -> tuple[int, float]:
    _, status, used = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime


def _run(task: Task, stdout: int, stderr: int, told: int, go: int) -> None:
    code = 99
    atexit._clear()  # what libraries do at the end of all takes longer than a small command
    try:
        _prepare(task, stdout, stderr)
        if task.stops is not None:
            _stop_at_changes(task.stops, task.first, told=told, go=go)
        if task.seconds is not None:
            signal.setitimer(signal.ITIMER_PROF, task.seconds)
        exec(compile(task.code, "<task>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as stop:
        if isinstance(stop.code, str):
            sys.stderr.write(f"{stop.code}\n")
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _prepare(task: Task, stdout: int, stderr: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which work in the background ignores
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), stdout, stderr)):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(task.environment)
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "utf-8").partition(":")
    sys.stdout = os.fdopen(1, "w", encoding=encoding, errors=errors or "strict")
    sys.stderr = os.fdopen(2, "w", 1, encoding=encoding, errors="backslashreplace")
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    os.chdir(task.cwd)
    sys.path[:0] = task.path
    sys.argv = [str(part) for part in task.arguments]


def _stop_at_changes(path: str, first: int, *, told: int, go: int) -> None:
    """Tell before each change of such a path, and wait to be told to go on, or for no more."""
    count, active = 0, True

    def hook(event: str, given: tuple[Any, ...]) -> None:
        nonlocal count, active
        if not active:
            return
        if event == "open":
            changes = isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        else:
            changes = event in CHANGES
        if changes and any(path in str(part) for part in given[:2]):
            count += 1
            if count >= first:
                os.write(told, b".")
                active = os.read(go, 1) != b""

    sys.addaudithook(hook)


if __name__ == "__main__":
    with Connection(int(sys.argv[1])) as asked:
        serve(asked)
