"""Requests and files that `spaner calibrate` and `spaner search` refuse."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.projects import rows_of, write_rows
from tests.app.search.calibrations import FILE, FIND, RATE, document, pair_of, write_document

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Edit = Callable[[list[dict[str, str]]], list[dict[str, str]]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--split", "test"), ("test", "such as validation")),
        (("--split", "train"), ("trained on", "such as validation")),
        (("--split", "validaton"), ("'validaton'", "train, validation, test")),
        (("--false-accept", "0"), ("false-accept rate is 0.0", "0.05")),
        (("--false-accept", "1"), ("false-accept rate is 1.0",)),
        (("--false-accept", "nan"), ("rate is nan",)),
        (("--unfamiliar", "0"), ("unfamiliar rate is 0.0", "0.05")),
        (("--strength", "nan"), ("nan",)),
        (("--space", "vision"), ("no space",)),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_wrong_request(
    arguments: tuple[str, ...], says: tuple[str, ...], attached: Path, refuses: Refuses
) -> None:
    said = refuses("calibrate", *arguments, cwd=attached, says=says)
    assert len(said.splitlines()) == 1


def test_an_existing_calibration_stays_without_overwrite(
    calibrated: Path, refuses: Refuses
) -> None:
    refuses("calibrate", *RATE, cwd=calibrated, says=(FILE, "--overwrite"))


def test_rows_that_calibrate_no_pair_write_nothing(attached: Path, refuses: Refuses) -> None:
    path = attached / "manifest.csv"
    kept, seen = [], set()
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        place = line.split(",")[1]
        if ",validation," not in line or place not in seen:
            kept.append(line)
        if ",validation," in line:
            seen.add(place)
    path.write_text("".join(kept), encoding="utf-8")
    said = refuses("calibrate", cwd=attached, says=("'validation'", "calibrates no pair"))
    assert "more validation rows" in said


def of_one_concept(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if row["split"] != "validation" or row["concept"] == "two"]


def all_alike(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Every validation row shows what the first of its modality does."""
    first: dict[str, str] = {}
    return [
        {**row, "input": first.setdefault(row["modality"], row["input"])}
        if row["split"] == "validation"
        else row
        for row in rows
    ]


@pytest.mark.parametrize(
    ("edit", "says"),
    [(of_one_concept, "got 0 queries .* of more concepts"), (all_alike, "all scores are the same")],
)
def test_rows_that_say_nothing_of_scores_give_no_figure(
    attached: Path, refuses: Refuses, edit: Edit, says: str
) -> None:
    write_rows(attached, edit(rows_of(attached)))
    said = refuses("calibrate", *RATE, cwd=attached, says=("calibrates no pair",))
    (error,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert re.search(says, error)


def broken(content: dict[str, Any], name: str) -> Any:
    """A file's content that is damaged in the way of this name."""
    pair = pair_of(content, "text", "audio")
    if name == "another version":
        content["format_version"] = 99
    elif name == "a number that is none":
        pair["probability"]["slope"] = float("nan")
    elif name == "a text for a number":
        pair["threshold"]["cosine"] = "high"
    elif name.startswith("a rate"):
        content["false_accept_rate"] = float(name.split()[-1])
    elif name == "a key is missing":
        del content["keys"]["audio"]
    elif name == "a part is missing":
        del pair["threshold"]["asked"]
    else:
        return [content]
    return content


@pytest.mark.parametrize(
    "name",
    [
        "another version",
        "a number that is none",
        "a text for a number",
        "a rate of 7",
        "a rate of 0",
        "a rate of nan",
        "a key is missing",
        "a part is missing",
        "a list",
    ],
)
def test_a_damaged_calibration_is_named(calibrated: Path, refuses: Refuses, name: str) -> None:
    path = calibrated / FILE
    write_document(path, broken(document(path), name))
    said = refuses(*FIND, "audio", cwd=calibrated, says=(FILE, "spaner calibrate --overwrite"))
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"{}", b"null", b"[" * 99999])
def test_a_foreign_file_in_its_place_is_named(
    calibrated: Path, refuses: Refuses, content: bytes
) -> None:
    (calibrated / FILE).write_bytes(content)
    said = refuses(*FIND, "audio", cwd=calibrated, says=(FILE,))
    assert len(said.splitlines()) == 1
