"""A query that is unlike everything known is called unfamiliar, and its hits are not judged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from spaner.commands import Project

from tests.app.projects import rows_of, write_rows
from tests.app.search.calibrations import FILE, RATE, document, pair_of, write_document

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]

STRANGE, KNOWN = "qxv jqz wkq, yyk?", "the digit two"
TO = ("--from", "text", "--to", "vision", "--json")


def answer_of(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_strange_query_is_told_so_and_gets_no_probability(calibrated: Path, spaner: Run) -> None:
    for hit in answer_of(spaner("search", STRANGE, *TO, cwd=calibrated)):
        assert hit["unfamiliar"] is True
        assert hit["familiarity"] <= 0.05
        assert hit["probability"] is hit["match"] is None
    for hit in answer_of(spaner("search", KNOWN, *TO, cwd=calibrated)):
        assert hit["unfamiliar"] is False
        assert hit["probability"] is not None
    told = spaner("search", STRANGE, *TO[:-1], cwd=calibrated).stdout
    assert told.startswith("unfamiliar: ")
    assert "probability ┃" not in told
    # a part of a query counts, at any pull strength, and a row of the manifest is known
    several = (KNOWN, STRANGE, *TO, "--strength", "0.3")
    assert answer_of(spaner("search", *several, cwd=calibrated))[0]["unfamiliar"] is True
    project = Project(calibrated / "plugins.yaml")
    known_text = project.manifest.select("text")[0]
    like = ("--like", known_text.id, *TO[2:])
    assert "unfamiliar" not in answer_of(spaner("search", *like, cwd=calibrated))[0]
    hits = project.search(STRANGE, source="text", targets="vision")
    assert hits.unfamiliar
    assert "unfamiliar query (p=0.0" in repr(hits)


def test_known_rows_are_kept_as_the_aligner_reads_them(calibrated: Path) -> None:
    tensors, ids = load_file(calibrated / FILE), document(calibrated / FILE, "ids")
    training = {r.id for r in Project(calibrated / "plugins.yaml").manifest.select(split="train")}
    assert ids.keys() == {"text"}, "the others have fewer validation rows than 19"
    references = tensors["text.references"]
    assert references.dtype == torch.float16
    assert len(references) == len(ids["text"]) <= 2000
    assert set(ids["text"]) <= training
    assert torch.allclose(references.float().norm(dim=1), torch.ones(len(references)), atol=1e-2)


def test_a_query_of_an_unknown_kind_has_no_match(calibrated: Path, spaner: Run) -> None:
    content = document(calibrated / FILE)
    count = len(load_file(calibrated / FILE)["text.references"])
    for stands_out, unknown in ((9.0, True), (-9.0, False)):
        strange = torch.full((99,), stands_out)
        kinds = {"concepts": torch.arange(count) % 5, "known": strange.clone(), "strange": strange}
        write_document(calibrated / FILE, content, **kinds)
        hits = answer_of(spaner("search", KNOWN, *TO, "-k", "2", cwd=calibrated))
        assert {hit["unknown_kind"] for hit in hits} == {unknown}
        assert hits[0]["match"] is not unknown
        told = spaner("search", KNOWN, *TO[:-1], cwd=calibrated).stdout
        assert told.startswith("no match: the query is not told from") is unknown


def test_a_larger_gallery_asks_for_a_higher_score(calibrated: Path, spaner: Run) -> None:
    content = document(calibrated / FILE)
    pair = pair_of(content, "text", "vision")["threshold"]
    pair.update(cosine=-1.0, gallery=2, growth=9.0)
    write_document(calibrated / FILE, content)
    assert answer_of(spaner("search", KNOWN, *TO, cwd=calibrated))[0]["match"] is False
    one = (
        *TO,
        "--where",
        "id = " + answer_of(spaner("search", KNOWN, *TO, cwd=calibrated))[0]["id"],
    )
    assert answer_of(spaner("search", KNOWN, *one, cwd=calibrated))[0]["match"] is True


def test_a_calibration_of_another_aligner_says_nothing_of_queries(
    calibrated: Path, spaner: Run
) -> None:
    known = document(calibrated / FILE, "familiar")
    known["text"]["key"]["aligner"] = "another"
    write_document(calibrated / FILE, known, "familiar")
    done = spaner("search", STRANGE, *TO, cwd=calibrated)
    assert "unfamiliar" not in answer_of(done)[0]
    (note,) = done.stderr.splitlines()
    assert "a query of 'text' is familiar: it has another aligner" in note
    assert "`spaner calibrate --overwrite`" in note


def test_an_earlier_calibration_still_serves_and_is_replaced(
    calibrated: Path, spaner: Run, refuses: Refuses
) -> None:
    earlier = calibrated / "space.calibration.json"
    content = {**document(calibrated / FILE), "format_version": 1}
    earlier.write_text(json.dumps(content), encoding="utf-8")
    (calibrated / FILE).unlink()
    done = spaner("search", STRANGE, *TO, cwd=calibrated)
    assert answer_of(done)[0]["probability"] is not None
    (note,) = done.stderr.splitlines()
    assert "earlier version" in note
    assert "`spaner calibrate --overwrite`" in note
    refuses("calibrate", *RATE, cwd=calibrated, says=("space.calibration.json exists",))
    assert spaner("calibrate", *RATE, "--overwrite", cwd=calibrated).returncode == 0
    assert (calibrated / FILE).is_file()
    assert not earlier.exists()


def test_rows_are_grouped_by_a_column_of_the_manifest(
    attached: Path, spaner: Run, refuses: Refuses, configure: Configure
) -> None:
    configure(attached, "voise", "calibration", "group_by")
    wrong = ("plugins.yaml:", "no column 'voise'", "did you mean 'voice'?")
    refuses("check", cwd=attached, says=wrong)
    refuses("calibrate", *RATE, cwd=attached, says=wrong)
    configure(attached, "voice", "calibration", "group_by")
    often = (*RATE, "--unfamiliar", "0.1", "--overwrite", "--json")
    report = answer_of(spaner("calibrate", *often, cwd=attached))["familiar"]
    rows = rows_of(attached)
    spoken = [row for row in rows if row["modality"] == "audio" and row["split"] == "validation"]
    found = report["audio"]
    assert (found["held_out"], found["groups"]) == (12, 3), "as many rows and voices as validate"
    ids = document(attached / FILE, "ids")["audio"]
    assert {row["split"] for row in rows if row["id"] in ids} == {"train"}
    assert report["text"]["groups"] is None, "texts have no voice"
    for row in spoken:
        row["voice"] = "f4"
    write_rows(attached, rows)
    found = answer_of(spaner("calibrate", *often, cwd=attached))["familiar"]["audio"]
    assert (found["held_out"], found["groups"]) == (24, 4), (
        "one voice does not show how they differ"
    )
    configure(attached, "modality", "calibration", "group_by")
    done = spaner("calibrate", *RATE, "--overwrite", cwd=attached)
    assert "queries of 'text' are unfamiliar: all " in done.stderr
    assert "of one group" in done.stderr
    configure(attached, {"text": ["audio"]}, "policy", "links")
    configure(attached, "voice", "calibration", "group_by")
    report = json.loads(spaner("calibrate", *RATE, "--overwrite", "--json", cwd=attached).stdout)
    assert report["familiar"].keys() == {"text"}, "rows of what may find nothing are kept"
