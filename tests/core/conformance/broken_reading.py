"""Toys that touch more than the input when they read it, or refuse it by its beginning."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spaner_core import Examples, UnusableInput

from tests.core.conformance.broken import (
    encoder_with,
    toy_with,
    transform_with,
)


def decoding(also: Callable[[Path], object]) -> Callable[..., Any]:
    """A hook whose transform does something `also` when it decodes a file."""

    def decode(own: Any, source: Any) -> Any:
        if isinstance(source, Path):
            also(source)
        return own(source)

    return transform_with(decode=decode)


def reads_more(says: str, also: Callable[[Path], object]) -> Any:
    """A toy that does something `also`, of which the kit says what it does with which file."""
    return toy_with(
        "check_reading",
        f"decoding numbers.toy {says}",
        spaner_build_transform=decoding(also),
    )


def append_nothing(path: Path) -> None:
    if path.is_file():
        path.open("ab").close()


def touch(path: Path) -> None:
    if path.is_file():
        os.utime(path)


def keep_beside(path: Path) -> None:
    if path.parent.is_dir():
        path.with_suffix(".cache").write_bytes(b"")


def read_description(path: Path) -> None:
    if path.with_suffix(".json").exists():
        path.with_suffix(".json").read_bytes()


def ask_a_name(path: Path) -> None:
    try:
        socket.getaddrinfo("localhost", 9)
    except OSError:
        return


def log_at_home(path: Path) -> None:
    with Path(__file__).with_name(".read.log").open("a", encoding="utf-8"):
        Path(__file__).with_name(".read.log").unlink()


def count_neighbours(path: Path) -> None:
    if path.parent.is_dir():
        list(path.parent.iterdir())


def lock(path: Path) -> None:
    folder = path.with_name("lock")
    if path.parent.is_dir():
        folder.mkdir()
        folder.rmdir()


appends = reads_more("writes numbers.toy", append_nothing)
touches = reads_more("writes numbers.toy", touch)
keeps_beside = reads_more("writes numbers.cache", keep_beside)
reads_beside = reads_more("reads numbers.json", read_description)
asks_another_machine = reads_more("asks ", ask_a_name)
logs_its_reading = reads_more("writes /", log_at_home)
lists_the_folder = reads_more("lists ", count_neighbours)
locks_the_folder = reads_more("writes lock", lock)


def is_file(source: Any) -> bool:
    return isinstance(source, Path) and source.is_file()


def dated(own: Any, source: Any) -> Any:
    days = int(source.stat().st_mtime // 86400) if is_file(source) else 1
    return [[[number * days for number in token] for token in window] for window in own(source)]


reads_the_date = toy_with(
    "check_file_names",
    "features differ when files are copied to another folder and name: by",
    also=("check_sent_contents",),
    spaner_build_transform=transform_with(decode=dated),
)


def by_its_path(own: Any, source: Any) -> Any:
    """Read other numbers under another name, where the length of its path is odd."""
    copied = is_file(source) and source.name != "numbers.toy"
    more = len(str(source)) % 2 if copied else 0
    return [[[number + more for number in token] for token in w] for w in own(source)]


by_the_length_of_its_path = toy_with(
    "check_file_names",
    "features differ when files are copied to another folder and name: by",
    spaner_build_transform=transform_with(decode=by_its_path),
)


def header_with(check: Callable[[Any], None]) -> Callable[..., Any]:
    """A hook whose transform looks at headers with `check`."""

    def spaner_build_transform(options: Any) -> Any:
        transform = transform_with()(options)
        transform.check_header = check
        return transform

    return spaner_build_transform


def refuse_files(source: Any) -> None:
    if isinstance(source, Path):
        raise UnusableInput("it begins with a number; expected a title; write one")


def refuse_short_files(source: Any) -> None:
    if isinstance(source, Path) and len(source.read_bytes()) < 10:
        raise UnusableInput("it is short; expected 10 bytes; write more")


def look_without_care(source: Any) -> None:
    if isinstance(source, Path):
        source.read_bytes().decode("utf-8")


def trailing_lines(folder: Path) -> Examples:
    (folder / "numbers.toy").write_text("1 0 1\n\n\n\n\n\n\n", encoding="utf-8")
    inputs = ["4 0 1; 0 2 1", folder / "numbers.toy", "1 2 3"]
    return Examples(inputs=inputs, changing={"width": 2})


refuses_good_files = toy_with(
    "check_header",
    "refuses numbers.toy with 'it begins with a number; expected a title; write one', although",
    spaner_build_transform=header_with(refuse_files),
)
refuses_what_is_read = toy_with(
    "check_header",
    "check_header refuses the first half of numbers.toy",
    spaner_build_transform=header_with(refuse_short_files),
    spaner_examples=trailing_lines,
)
looks_without_care = toy_with(
    "check_header",
    "check_header raises UnicodeDecodeError",
    spaner_build_transform=header_with(look_without_care),
)

beyond_the_store = toy_with(
    "check_features",
    "is refused by extraction (its features reach",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t * 1e5, m)),
)
