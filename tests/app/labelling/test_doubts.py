"""`spaner check --labels`: which labels are doubted, by what, and what it needs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.app.projects import rows_of, write_rows

Run = Callable[..., subprocess.CompletedProcess[str]]


def relabel(folder: Path) -> dict[str, str]:
    """Call a training picture of a one a two; its item is that of a text. Gives its row."""
    rows = rows_of(folder)
    for row in rows:
        row["item"] = ""
    wrong = next(row for row in rows if is_training(row, "vision", "one"))
    text = next(r for r in rows if is_training(r, "text", "one") and "one" in r["input"])
    wrong["item"] = text["item"] = "thing 7"
    wrong["concept"] = "two"
    write_rows(folder, rows)
    return wrong


def is_training(row: dict[str, str], modality: str, concept: str) -> bool:
    return (row["modality"], row["concept"], row["split"]) == (modality, concept, "train")


def doubted(folder: Path, spaner: Run) -> dict[str, Any]:
    result = spaner("check", "--labels", "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)["labels"]
    return report


def test_a_wrong_label_is_listed_with_what_its_row_and_its_item_look_like(
    project: Path, spaner: Run
) -> None:
    wrong = relabel(project)
    report = doubted(project, spaner)
    found = next(label for label in report["doubted"] if label["input"] == wrong["input"])
    lines = (project / "manifest.csv").read_text(encoding="utf-8").splitlines()
    assert wrong["input"] in lines[found["line"] - 1]
    assert (found["concept"], found["suggested"]) == ("two", "one")
    own, text = found["evidence"]
    assert (own["modality"], text["modality"]) == ("vision", "text")
    assert own["nearest"] == text["nearest"] == "one"
    assert own["nearest_cosine"] > own["label_cosine"]
    assert found["p_wrong"] >= 0.5
    probabilities = [label["p_wrong"] for label in report["doubted"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert report["trial"]["found"] > report["trial"]["changed"] / 2 > report["trial"]["mistaken"]
    assert not (project / "space").exists()
    shown = spaner("check", "--labels", cwd=project)
    assert f"manifest.csv:{found['line']}: {wrong['input']}: labelled 'two'" in shown.stdout
    assert "measured on wrong labels planted here" in shown.stdout


def test_without_the_flag_nothing_is_said_of_labels(project: Path, spaner: Run) -> None:
    result = spaner("check", "--json", cwd=project)
    assert json.loads(result.stdout)["labels"] is None


def test_where_rows_have_items_alone_there_is_no_label_to_doubt(quick: Path, spaner: Run) -> None:
    rows = rows_of(quick)
    for place, row in enumerate(rows):
        row["item"], row["concept"] = f"{row['split']} {place % 4}", ""
    write_rows(quick, rows)
    (quick / "labels.csv").write_text("concept,text\n", encoding="utf-8")
    report = doubted(quick, spaner)
    assert (report["judged"], report["doubted"], report["trial"]) == (0, [], None)
    assert "no label could be weighed" in spaner("check", "--labels", cwd=quick).stdout
