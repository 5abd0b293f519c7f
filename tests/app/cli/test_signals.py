"""A signal ends the program in one line, cleaned up, as that signal; whatever it is at.

Processes that stand for a command at work import next to nothing, say when they are where the
signal is to meet them, and wait for it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from spaner.cli.running import invoke

SAID = "stopped by {}; nothing was half-written\n"
HEARING = """
import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
"""
"""What is started in the background, or by nohup, ignores some of them otherwise."""

AT_WORK = """
import signal, sys, types

def here():
    print("here", flush=True)

def wait():
    here()
    while True:
        signal.pause()

def run(arguments):
{body}
    return 0

module = types.ModuleType("spaner.cli.running")
module.run = run
sys.modules |= {{"spaner.cli": types.ModuleType("spaner.cli"), module.__name__: module}}
from spaner.__main__ import main
main()
"""


@contextmanager
def at_work(body: str) -> Iterator[subprocess.Popen[str]]:
    """Run `body` in the place of a command; gives the process once it is `here`."""
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    with started("-c", HEARING + AT_WORK.format(body=indented)) as process:
        yield process


@contextmanager
def started(*arguments: str, **more: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, **more,
    )  # type: ignore[call-overload]  # fmt: skip
    with process:
        wait_until_here(process)
        try:
            yield process
        finally:
            process.kill()


def wait_until_here(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n", process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_the_program_was_at_is_cleaned_up_and_its_parent_sees_the_signal(
    number: signal.Signals, tmp_path: Path
) -> None:
    body = f"""
import tempfile
with tempfile.TemporaryDirectory(dir={str(tmp_path)!r}):
    kept = tempfile.TemporaryDirectory(dir={str(tmp_path)!r})
    wait()
"""
    with at_work(body) as process:
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(number)
        assert process.communicate() == ("", SAID.format(number.name))
    assert process.returncode == -number
    assert list(tmp_path.iterdir()) == []


def test_further_signals_cut_cleaning_up_short_only_where_it_does_not_end() -> None:
    body = """
import os
told, tells = os.pipe()
os.set_blocking(tells, False)
try:
    wait()
finally:
    signal.set_wakeup_fd(tells)
    here()
    os.read(told, 1)
    wait()
"""
    with at_work(body) as process:
        process.send_signal(signal.SIGTERM)
        wait_until_here(process)
        process.send_signal(signal.SIGTERM)
        wait_until_here(process)
        process.send_signal(signal.SIGINT)
        assert process.communicate() == ("", SAID.format("SIGTERM"))
    assert process.returncode == -signal.SIGTERM


def test_one_that_code_has_swallowed_does_not_make_the_program_deaf() -> None:
    body = """
try:
    wait()
except BaseException:
    pass
wait()
"""
    with at_work(body) as process:
        process.send_signal(signal.SIGINT)
        wait_until_here(process)
        process.send_signal(signal.SIGINT)
        assert process.communicate() == ("", SAID.format("SIGINT"))
    assert process.returncode == -signal.SIGINT


def test_one_that_comes_where_python_ignores_errors_is_not_lost() -> None:
    body = """
class Last:
    def __del__(self):
        wait()
Last()
signal.pause()
"""
    with at_work(body) as process:
        process.send_signal(signal.SIGINT)
        assert process.communicate() == ("", SAID.format("SIGINT"))


def test_one_that_comes_when_all_is_done_is_said_too() -> None:
    with at_work("import atexit\natexit.register(wait)") as process:
        process.send_signal(signal.SIGTERM)
        assert process.communicate() == ("", SAID.format("SIGTERM"))
    assert process.returncode == -signal.SIGTERM


def test_what_the_parent_has_it_ignore_stays_ignored() -> None:
    script = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        + AT_WORK.format(body="    here()\n    sys.stdin.readline()")
    )  # fmt: skip
    with started("-c", script) as process:
        process.send_signal(signal.SIGHUP)
        assert process.communicate("go on\n") == ("", "")
    assert process.returncode == 0


def test_ctrl_c_while_libraries_are_imported_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(
        "import signal\nprint('here', flush=True)\ntry:\n    signal.pause()\n"
        "except KeyboardInterrupt as error:\n    raise ImportError('half-imported') from error\n"
    )
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    main = f"{path}; from spaner.__main__ import main; main()"
    with started("-c", HEARING + main) as process:
        process.send_signal(signal.SIGINT)
        assert process.communicate() == ("", SAID.format("SIGINT"))
    assert process.returncode == -signal.SIGINT


def test_ctrl_c_ends_the_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("spaner.training.train.train", interrupted)
    monkeypatch.setattr("spaner.demo.dataset.write_dataset", lambda folder: None)
    with pytest.raises(KeyboardInterrupt):
        invoke(["demo", str(tmp_path / "demo")])
    typed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("$ ")]
    assert len(typed) == 1
    assert "train" in typed[0]
