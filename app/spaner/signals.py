"""Ends the program on a signal, after cleaning up.

Imports next to nothing, so that it listens before anything that takes its time is imported.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, what supervisors send, and what a closed terminal sends."""

MOST_IGNORED = 1
"""Further signals that do not cut cleaning up short: wrappers and terminals send one twice."""

_MOMENT_S = 0.01


class Stopped(KeyboardInterrupt):
    """A signal asked the program to end; raised wherever it is at work."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class _Asked:
    """Which signal came first, and what came of it so far."""

    number: int | None = None
    ignored = 0
    said = False
    at_once = False


def listen() -> None:
    """Raise `Stopped` in the main thread on every signal that ends a program.

    Those that the parent has it ignore, as nohup does, stay ignored.
    """
    atexit.register(_leave)  # the first one registered is the last one called
    sys.unraisablehook = _again
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)


def was_asked() -> bool:
    """Tell whether a signal has come: whatever is raised then may be its consequence."""
    return _Asked.number is not None


def finish() -> None:
    """Let a signal end the program at once from now on: all work is done."""
    _Asked.at_once = True


def end() -> NoReturn:
    """Say what stopped the program, and leave it as by that signal, by default Ctrl-C's."""
    _Asked.number = _Asked.number or signal.SIGINT
    _say(_Asked.number)
    finish()
    sys.exit(128 + _Asked.number)  # what a shell gives for death by that signal


def _on_signal(number: int, _frame: FrameType | None) -> None:
    _Asked.number = _Asked.number or number
    cleans_up = _is_cleaning_up()
    _Asked.ignored += cleans_up
    if _Asked.at_once or _Asked.ignored > MOST_IGNORED:
        _say(_Asked.number)
        _die(_Asked.number)
        os._exit(128 + _Asked.number)
    if not cleans_up:
        raise Stopped(_Asked.number)


def _is_cleaning_up() -> bool:
    """Tell whether this thread is in an `except`, a `finally` or an `__exit__` of a stop."""
    error = sys.exception()  # what is being handled where the signal came
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _again(unraisable: Any) -> None:
    """Stop again, a moment later, where Python passes over the first time, as in a destructor."""
    if isinstance(unraisable.exc_value, Stopped):
        import threading

        signalled = (os.getpid(), unraisable.exc_value.number)
        threading.Timer(_MOMENT_S, os.kill, signalled).start()
    else:
        sys.__unraisablehook__(unraisable)


def _leave() -> None:
    if _Asked.number is not None:
        _die(_Asked.number)
    for number in SIGNALS:  # Python would soon let them end it without a word
        signal.signal(number, signal.SIG_IGN)


def _die(number: int) -> None:
    """Die by the signal: parents tell that from an exit code, and a shell's loop ends with it.

    Returns where the system forbids it, as to the first process of a container.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, RuntimeError):  # its reader is gone, or it is at work
            stream.flush()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _say(number: int) -> None:
    if not _Asked.said:
        _Asked.said = True
        line = f"stopped by {signal.Signals(number).name}; nothing was half-written\n"
        with suppress(OSError):  # nobody may be listening
            os.write(2, line.encode())
