"""Runs `spaner` commands in forked processes and kills them with signal 9 while they work.

Reads one JSON object a line: what `warm_process` takes, `operations` (a file that gets a byte for
each time the command is about to change something in a feature store), and either `seconds`, after
which it is killed, or `operation`, the number of the change before which it is killed. Answers with
the exit code and the seconds that it took. Not a test: `test_extraction_kills.py` starts it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from importlib import import_module
from typing import Any

from warm_process import HEAVY, _run

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
STORE = ".features"


def serve() -> None:
    for name in (*HEAVY, "spaner.extracting"):
        import_module(name)
    for line in sys.stdin:
        task = json.loads(line)
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            _count(task)
            _run(task)
        if "seconds" in task:
            time.sleep(task["seconds"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        sys.stdout.write(json.dumps([code, time.monotonic() - start]) + "\n")
        sys.stdout.flush()


def _count(task: dict[str, Any]) -> None:
    """Count changes to the store, and die before the one that the task names."""
    counter = os.open(task["operations"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    done = 0

    def hook(event: str, given: tuple[Any, ...]) -> None:
        nonlocal done
        if event == "open":
            changes = isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        else:
            changes = event in CHANGES
        if changes and any(STORE in str(path) for path in given[:2]):
            done += 1
            os.write(counter, b".")
            if done == task.get("operation"):
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    serve()
