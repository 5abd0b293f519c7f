"""What commands say stays readable, whatever is in the data and whatever the terminal can write."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from spaner.cli.output import notice, say_table

FIND = ("search", "two", "--from", "text", "--to", "text", "-k", "60")
Run = Callable[..., subprocess.CompletedProcess[str]]


def add_row(folder: Path, **cells: str) -> None:
    path = folder / "manifest.csv"
    with path.open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns, restval="").writerow(cells)


@pytest.mark.parametrize("name", ["[/bold]", "[red]", "[red]warm[/red]", "\\[red]"])
def test_headers_are_no_markup(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    say_table(("token", name), [("first", 0.5)])
    assert f" {name} " in capsys.readouterr().out


def test_headers_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say_table(("token", "\x1b[2Jgone"), [("first", 0.5)])
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "[2Jgone" in said


def test_no_part_of_a_note_passes_for_another_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    notice(["of new\nerror: fake", "three inputs:\n  first\n  second", "a\r\nnote: b\x85error: c"])
    lines = capsys.readouterr().err.split("\n")
    assert lines[:5] == [
        "note: of new",
        "  error: fake",
        "note: three inputs:",
        "  first",
        "  second",
    ]
    assert [line[:6] for line in lines[5:]] == ["note: ", "  note", ""]


def test_an_input_with_a_line_break_is_named_in_one_line(project: Path, spaner: Run) -> None:
    add_row(project, modality="vision", input="gone\nerror: fake.png", concept="one", split="train")
    done = spaner("check", cwd=project)
    assert done.returncode == 2
    (named,) = [line for line in done.stderr.splitlines() if "fake" in line]
    assert named.startswith("  ")
    assert ": gone error: fake.png: " in named
    assert done.stderr.count("\nerror: ") <= 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:surrogateescape"])
def test_a_terminal_that_cannot_write_a_sign_gets_another(
    encoding: str, trained: Path, spaner: Run
) -> None:
    add_row(trained, modality="text", input="zwei → zwölf 二", concept="two", split="train")
    done = spaner(*FIND, cwd=trained, encoding=encoding)
    assert done.returncode == 0, done.stderr
    assert ("zwei ? zwölf ?" if encoding == "latin-1" else "zwei ? zw?lf ?") in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_says_the_same_in_any_encoding(encoding: str, trained: Path, spaner: Run) -> None:
    add_row(trained, modality="text", input="zwei → zwölf 二", concept="two", split="train")
    done = spaner(*FIND, "--json", cwd=trained, encoding=encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "zwei → zwölf 二" in {hit["input"] for hit in json.loads(done.stdout)}


def test_an_error_in_signs_that_the_terminal_lacks_is_an_error_of_the_user(
    tmp_path: Path, cold_spaner: Run
) -> None:
    done = cold_spaner("check", "-c", "größe.yaml", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.isascii()
