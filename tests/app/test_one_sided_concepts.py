"""A concept that only one modality has is trained all the same, with a word of warning."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_concept_seen_in_one_modality_only(project: Path, spaner: Run) -> None:
    path = project / "manifest.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [
        row
        for row in rows
        if row["modality"] != "sensor"
        and (row["concept"] != "walking" or row["modality"] == "audio")
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(kept)

    config = project / "plugins.yaml"
    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    del content["modalities"]["sensor"]  # two concepts, of which one goes
    config.write_text(yaml.safe_dump(content), encoding="utf-8")

    checked = spaner("check", "--json", cwd=project)
    assert json.loads(checked.stdout)["notices"] == ["concept 'walking' occurs in 'audio' only"]

    trained = spaner("train", "text", "vision", "audio", "--json", cwd=project)
    assert trained.returncode == 0, trained.stderr
    one_sided = [line for line in trained.stderr.splitlines() if "'walking'" in line]
    assert len(one_sided) == 1
    assert "'audio' only" in one_sided[0]
    assert json.loads(trained.stdout)["concepts"] == 4

    found = spaner("search", next(iter(sorted(project.glob("audio/test/*/walking.flac")))),
                   "--from", "audio", "--to", "text", "-k", "1", cwd=project)  # fmt: skip
    assert found.returncode == 0, found.stderr


def test_rows_linked_by_item_alone_train(project: Path, spaner: Run) -> None:
    lines = ["modality,input,item,split"]
    with (project / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["modality"] in ("text", "audio"):
                lines.append(f'{row["modality"]},"{row["input"]}",{row["concept"]},{row["split"]}')
    (project / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")

    trained = spaner("train", "text", "audio", cwd=project)
    assert trained.returncode == 0, trained.stderr
    measured = spaner("evaluate", "--json", "--quiet", cwd=project)
    assert json.loads(measured.stdout)["mean_map"] > 0.5  # a quarter of the rows match
