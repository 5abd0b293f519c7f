"""Runs `spaner` commands in processes forked from one that has imported the heavy libraries.

A process of its own for each command, without its own seconds of imports. Reads one JSON object a
line (arguments, folder, files for the output), answers each with the exit code. Not a test: the
fixture `spaner` starts it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

HEAVY = (
    "spaner.cli",
    "spaner.check",
    "spaner.evaluate",
    "spaner.search.exact",
    "spaner.training",
    "spaner_text.encoder",
    "spaner_vision.transform",
    "spaner_vision.encoder",
    "spaner_audio.transform",
    "spaner_audio.encoder",
    "spaner_sensor.transform",
    "spaner_sensor.encoder",
)
LONGEST_S = 120


def serve() -> None:
    for name in HEAVY:
        import_module(name)
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(task)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(task: dict[str, Any]) -> None:
    signal.alarm(LONGEST_S)
    for number, path in enumerate((os.devnull, task["stdout"], task["stderr"])):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(path, flags), number)
    os.chdir(task["cwd"])
    sys.argv = [str(Path(sys.executable).with_name("spaner")), *task["arguments"]]
    code = 99
    try:
        from spaner.__main__ import main

        main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
