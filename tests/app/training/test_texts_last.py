"""Texts that come last learn from the concepts' names, to anchors that were made without them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.app.projects import rows_of, write_rows

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_text_that_only_names_know_finds_its_concept(
    tmp_path: Path, small_project: Path, spaner: Run, configure: Callable[..., None]
) -> None:
    folder = Path(shutil.copytree(small_project, tmp_path / "project"))
    configure(folder, {}, "prompt")  # nothing reads names at first
    assert spaner("train", "vision", "audio", "--quiet", cwd=folder).returncode == 0
    configure(folder, {"labels_from": "text", "labels": "labels.csv"}, "prompt")
    kept = [row for row in rows_of(folder) if (row["modality"], row["concept"]) != ("text", "two")]
    write_rows(folder, kept)
    assert spaner("attach", "text", "--quiet", cwd=folder).returncode == 0
    found = spaner("search", "zwei", "--from", "text", "--to", "vision", "-k", "3", "--json",
                   cwd=folder)  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert {hit["concept"] for hit in json.loads(found.stdout)} == {"two"}
    record = json.loads((folder / "space/aligners/text/config.json").read_text(encoding="utf-8"))
    assert "two" not in record["concepts"]
