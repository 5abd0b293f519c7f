"""Runs a Python function in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from spaner_core.crash_notes import keep_crash_notes, read_crash_notes

LARGEST_OUTPUT = 64 * 2**20
"""Bytes of output after which a process is stopped; it would fill the disk otherwise."""

_TAIL = 4096  # bytes in which the last line is looked for
_LONGEST_LINE = 300
_STEP_S = 0.2  # how often the output's size is looked at, and whether the parent lives
_PARENT = "SPANER_PARENT_PROCESS"
_REQUEST, _ANSWERS = "request.json", "answers.jsonl"
_FINISHED = "[]"  # the last line of the answers; each before it is a list of one


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a function answered in a process of its own, and how that ended.

    `ended` are words that follow a subject ("was killed by signal 9 (SIGKILL)"), with a plugin's
    line and the input that it was at; None where the function came to its end. `answers` are those
    given until then.
    """

    answers: tuple[Any, ...]
    ended: str | None


def ask_child(
    function: str,
    request: object,
    *,
    time_limit_s: float,
    environment: Mapping[str, str | None] | None = None,
    folder: Path | None = None,
) -> Answered:
    """Call the function "module:name" with `request` in a process of its own; it yields answers.

    Request and answers are what JSON can hold. Where the process dies, the answers before are
    kept. The process works in `folder`, by default in this one's; the rest is as in `run_child`.
    """
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / _REQUEST).write_text(json.dumps(request), encoding="utf-8")
        (place / _ANSWERS).touch()
        code = f"from {__name__} import answer; answer()"
        ended = run_child(
            ["-c", code, function, name],
            time_limit_s=time_limit_s,
            environment=environment,
            folder=folder,
        )
        lines = (place / _ANSWERS).read_text(encoding="utf-8", errors="replace").splitlines()
        words = read_crash_notes(place)
    if ended is None and lines[-1:] != [_FINISHED]:  # os._exit(0) looks like success
        ended = "ended with exit code 0 before it had finished"
    ended = ended and f"{ended}{words}"
    return Answered(answers=tuple(_read(lines)), ended=ended)


def answer() -> None:
    """Answer `ask_child`, in the process that it started."""
    die_with_parent()
    function, name = sys.argv[1:]
    keep_crash_notes(Path(name))
    module, _, called = function.partition(":")
    request = json.loads((Path(name) / _REQUEST).read_text(encoding="utf-8"))
    with (Path(name) / _ANSWERS).open("a", encoding="utf-8") as file:
        for given in getattr(import_module(module), called)(request):
            file.write(json.dumps([given]) + "\n")
            file.flush()
        file.write(_FINISHED)


def _read(lines: Sequence[str]) -> Iterator[Any]:
    for line in lines:
        with suppress(ValueError):  # a process that is killed may leave half a line
            yield from json.loads(line)


def run_child(
    arguments: Sequence[str],
    *,
    time_limit_s: float,
    environment: Mapping[str, str | None] | None = None,
    folder: Path | None = None,
) -> str | None:
    """Run `python *arguments` and return None when it ended with exit code 0.

    Otherwise returns how it ended, as words that follow a subject: "ended with exit code 7; its
    last line: ...". The process imports from where this one does, paths added at run time
    included; it has no input, and its output goes to a file that is thrown away. It is stopped
    after `time_limit_s` seconds, and what it started is stopped with it, however it ended. Its
    temporary files lie in a folder of its own, which is removed then: a process that is killed
    removes nothing.
    It works in `folder`, by default in this process's. `environment` is added to this process's
    own, None removing a variable. What runs there should call `die_with_parent` first, so that it
    is stopped too where this process is killed.
    """
    with (
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
    ):
        variables = {**_environment(), "TMPDIR": scratch, **(environment or {})}
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,  # a file, as a pipe fills up, and stays open with a grandchild
            stderr=subprocess.STDOUT,
            env={name: value for name, value in variables.items() if value is not None},
            cwd=folder,
            start_new_session=True,
        )
        try:
            ended = _wait(process, output, time_limit_s)
        finally:
            _stop_all(process)
        if ended is None:
            return None
        last = _last_line(output)
    return f"{ended}; its last line: {last}" if last else ended


def die_with_parent() -> None:
    """Let this process, and what it starts, end with the process that started it by `run_child`.

    Does nothing in a process that was started otherwise.
    """
    parent = os.environ.pop(_PARENT, None)  # children of this one have another parent
    if parent is not None:
        threading.Thread(target=_watch, args=(int(parent),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_STEP_S)
    os.killpg(0, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """Give the child this process's `sys.path`, and nothing of its own before it."""
    paths = [str(Path(path).absolute()) for path in sys.path if isinstance(path, str)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONSAFEPATH": "1",  # else a torch.py in the working folder would come first
        "PYTHONIOENCODING": "utf-8",
        _PARENT: str(os.getpid()),
    }


def _wait(process: subprocess.Popen[bytes], output: IO[bytes], time_limit_s: float) -> str | None:
    deadline = time.monotonic() + time_limit_s
    while (left_s := deadline - time.monotonic()) > 0:
        with suppress(subprocess.TimeoutExpired):
            return _ended(process.wait(min(_STEP_S, left_s)))
        if os.fstat(output.fileno()).st_size > LARGEST_OUTPUT:
            return f"printed more than {LARGEST_OUTPUT // 2**20} MiB and was stopped"
    return f"took longer than {time_limit_s:g} s and was stopped"


def _ended(code: int) -> str | None:
    if code == 0:
        return None
    if code > 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-code}"
    return f"was killed by signal {-code} ({name})"


def _stop_all(process: subprocess.Popen[bytes]) -> None:
    """Stop the process, and whatever of its group outlives it."""
    with suppress(ProcessLookupError, PermissionError):  # macOS forbids it where all have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(output: IO[bytes]) -> str:
    """Return the last line with words in it, without what would steer a terminal."""
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _TAIL))
    lines = output.read().decode("utf-8", errors="replace").splitlines()
    for line in reversed(lines):
        words = "".join(sign if sign.isprintable() else " " for sign in line).strip()
        if words:
            return words if len(words) <= _LONGEST_LINE else f"{words[:_LONGEST_LINE]}..."
    return ""
