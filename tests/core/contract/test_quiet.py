from __future__ import annotations

import os
import sys
import threading

import pytest
from spaner_core import quiet_libraries


def print_as_libraries_do(text: str) -> None:
    os.write(2, f"{text}\n".encode())


def test_nothing_that_a_library_prints_arrives_and_all_else_does(
    capfd: pytest.CaptureFixture[str],
) -> None:
    sys.stderr.write("before\n")
    with quiet_libraries(), quiet_libraries():
        print_as_libraries_do("inner")
    print_as_libraries_do("after")
    with pytest.raises(ZeroDivisionError), quiet_libraries():
        1 / 0  # noqa: B018
    print_as_libraries_do("at last")
    assert capfd.readouterr().err.split("\n") == ["before", "after", "at last", ""]


def test_a_thread_that_leaves_early_does_not_make_another_loud(
    capfd: pytest.CaptureFixture[str],
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def stay() -> None:
        with quiet_libraries():
            entered.set()
            go_on.wait()
            print_as_libraries_do("unheard")

    thread = threading.Thread(target=stay)
    thread.start()
    entered.wait()
    with quiet_libraries():
        pass
    go_on.set()
    thread.join()
    print_as_libraries_do("heard")
    assert capfd.readouterr().err == "heard\n"
