"""Processes of tests: `spaner` commands and pieces of Python, and events in place of waiting.

They are forked from one that has imported the heavy libraries (`warm_process.py`), which spares
each of them seconds; `cold_spaner` starts from nothing, for tests of just that.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from multiprocessing import Pipe
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import IO, Any

MAIN = "from spaner.__main__ import main; main()"
FIXED = {"OMP_NUM_THREADS": "1", "COLUMNS": "80", "CUDA_VISIBLE_DEVICES": ""}


class Ended(subprocess.CompletedProcess[str]):
    """What an ended process said, with the seconds of processor time that it took."""

    def __init__(self, arguments: Sequence[str], code: int, stdout: str, stderr: str, cpu_s: float):
        super().__init__(arguments, code, stdout, stderr)
        self.cpu_s = cpu_s


def environment(**more: str) -> dict[str, str]:
    """Give the environment in which every process of these tests runs."""
    return {**os.environ, **FIXED, **more}


def spaner(*arguments: object, cwd: Path, **how: Any) -> Ended:
    """Run a `spaner` command to its end; `how` is explained at `Process`."""
    return start(*arguments, cwd=cwd, **how).end()


def start(*arguments: object, cwd: Path, **how: Any) -> Process:
    """Start a `spaner` command that works beside the test."""
    name = str(Path(sys.executable).with_name("spaner"))
    return Process(MAIN, [name, *map(str, arguments)], cwd=cwd, **how)


def python(code: str, *arguments: object, cwd: Path, **how: Any) -> Ended:
    """Run a piece of Python to its end, as `python -c` would, heavy libraries being there."""
    return start_python(code, *arguments, cwd=cwd, **how).end()


def start_python(code: str, *arguments: object, cwd: Path, **how: Any) -> Process:
    """Start a piece of Python that works beside the test."""
    return Process(code, ["-c", *map(str, arguments)], cwd=cwd, **how)


def cold_spaner(*arguments: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m spaner` from nothing; `more` are environment variables."""
    command = [sys.executable, "-m", "spaner", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment(**more), capture_output=True, text=True, check=False
    )


class Process:
    """A process that runs beside the test.

    `stops` is a part of a path: the process stops before each change of such a file (opened to
    write, renamed, removed; folders too), from number `first` of these changes on. With `seconds`
    it is killed after so much processor time of its own, wherever it is. `variables` are added to
    its environment, `path` stands before its `sys.path`, and `encoding` is its terminal's.
    """

    def __init__(
        self,
        code: str,
        arguments: Sequence[str],
        *,
        cwd: Path,
        variables: Mapping[str, str] | None = None,
        path: Sequence[Path] = (),
        encoding: str = "utf-8",
        **when: Any,
    ) -> None:
        self.arguments, self._encoding = arguments, encoding
        paths = tuple(map(str, path))
        more = {"PYTHONIOENCODING": encoding, **(variables or {})}
        if paths:
            more["PYTHONPATH"] = os.pathsep.join(paths)
        task = {
            "code": code,
            "arguments": tuple(arguments),
            "cwd": str(cwd),
            "environment": environment(**more),
            "path": paths,
            **when,
        }
        self._stdout = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        stderr, its_stderr = os.pipe()
        self._told, its_told = os.pipe()
        its_go, self._go = os.pipe()
        self._stderr: IO[bytes] = os.fdopen(stderr, "rb")
        given = (os.dup(self._stdout.fileno()), its_stderr, its_told, its_go)
        self.pid = _server().start(task, given)

    def stopped(self) -> bool:
        """Wait until the process stops; False where it has ended instead."""
        return os.read(self._told, 1) != b""

    def go_on(self) -> None:
        """Let a stopped process go on to where it stops next."""
        os.write(self._go, b".")

    def stops(self) -> Iterator[int]:
        """Yield a number at each stop, and let the process go on when asked for the next."""
        number = 0
        while self.stopped():
            number += 1
            yield number
            self.go_on()

    def line(self) -> str:
        """Wait for the next line on its standard error."""
        return self._stderr.readline().decode()

    def send_signal(self, number: int) -> None:
        """Send a signal to it, which reaches it however late: it is not forgotten before `end`."""
        os.kill(self.pid, number)

    def kill(self) -> Ended:
        """Kill it where it is."""
        self.send_signal(signal.SIGKILL)
        return self.end()

    def end(self) -> Ended:
        """Let it go on without further stops, wait for its end, and return what it said."""
        os.close(self._go)
        with self._stdout, self._stderr:
            said = self._stderr.read()
            code, cpu_s = _server().wait(self.pid)
            self._stdout.seek(0)
            told = self._stdout.read()
        os.close(self._told)
        encoding, _, errors = self._encoding.partition(":")
        stdout, stderr = (text.decode(encoding, errors or "strict") for text in (told, said))
        return Ended(self.arguments, code, stdout, stderr, cpu_s)


class _Server:
    """The process from which all others are forked."""

    def __init__(self) -> None:
        self._asked, its = Pipe()
        script = Path(__file__).with_name("warm_process.py")
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-P", script, str(its.fileno())],
                env=environment(),
                pass_fds=[its.fileno()],
                start_new_session=True,  # an interrupt is the test run's
            )
        self._running: set[int] = set()

    def start(self, task: Mapping[str, Any], files: Sequence[int]) -> int:
        self._asked.send(task)
        for file in files:
            send_handle(self._asked, file, self._process.pid)
            os.close(file)
        pid = int(self._asked.recv())
        self._running.add(pid)
        return pid

    def wait(self, pid: int) -> tuple[int, float]:
        self._asked.send(pid)
        code, cpu_s = self._asked.recv()
        self._running.discard(pid)
        return code, cpu_s

    def close(self) -> None:
        for pid in self._running:  # of tests that failed
            os.kill(pid, signal.SIGKILL)
        self._asked.close()
        self._process.wait()


@cache
def _server() -> _Server:
    return _Server()


def close() -> None:
    """End what was started here; the next process would begin anew."""
    if _server.cache_info().currsize:
        _server().close()
        _server.cache_clear()
