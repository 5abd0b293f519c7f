"""What was forgotten is in no file any more, does not come back, and harms nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import spaner as product
import torch
from spaner.audit.lines import commitment_to
from spaner.audit.verify import read_log, verify_log
from spaner.forgetting.journal import journal_path
from spaner.index.files import open_index
from spaner.index.shards import parts_at
from spaner.search.calibration_file import calibration_path, read_familiar
from spaner_core.data.manifest import Row
from spaner_core.features.inputs import key_input

from tests import process
from tests.app.projects import rows_of, write_rows

Configure, Refuses = Callable[..., None], Callable[..., str]
Tree = Callable[[Path], dict[str, str]]
Project = product.Project


@pytest.fixture(scope="module")
def kept(
    tmp_path_factory: pytest.TempPathFactory, attached_project: Path, configure: Configure
) -> Path:
    """A project that keeps all that it can: features, index, calibration, log, quarantine."""
    folder = tmp_path_factory.mktemp("kept") / "project"
    shutil.copytree(attached_project, folder)
    configure(folder, "audit.jsonl", "policy", "audit_log")
    configure(folder, 0.5, "data", "max_unusable")
    (sorted((folder / "vision/test").iterdir())[0]).write_bytes(b"broken")
    project = Project(folder / "plugins.yaml")
    project.extract()
    project.index()
    project.calibrate(false_accept_rate=0.5, unfamiliar_rate=0.5)
    shown = project.search(like=row_of(folder).id, targets="vision", k=3)
    project.search(str(folder / row_of(folder).input), source="vision", targets="text", k=1)
    project.search("two", source="text", targets=["vision", "audio"], k=50)
    assert len(shown)
    return folder


@pytest.fixture
def folder(tmp_path: Path, kept: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "project"))


def row_of(folder: Path, modality: str = "vision", split: str = "train") -> Row:
    rows = Project(folder / "plugins.yaml").manifest.select(modality, split)
    return rows[0]


def traces_of(folder: Path, row: Row) -> dict[str, bytes]:
    """The bytes of a row, by what keeps them: its names and its numbers."""
    project, name = Project(folder / "plugins.yaml"), row.modality
    key = key_input(folder / row.input).key
    found = {"id": row.id.encode(), "input": row.input.encode(), "content": key.encode()}
    for stream in project.store.streams():
        for file in stream.files:
            if key in file.keys:
                start, stop = file.span_bytes(file.keys.index(key))
                found["features"] = file.path.read_bytes()[start:stop]
    index = open_index(folder / "space.index", name)
    assert index is not None
    place = index.rows.cells["id"].to_pylist().index(row.id)
    vectors = parts_at(index.shards, torch.tensor([place]))
    found |= {"vector": vectors.direction.numpy().tobytes()}
    found |= {"scanned": vectors.direction.half().numpy().tobytes()}
    familiar = read_familiar(calibration_path(folder / "space"), name)
    assert familiar is not None
    place = familiar.ids.index(row.id)
    found["reference"] = familiar.measure.references[place].numpy().tobytes()
    return found


def files_with(folder: Path, part: bytes) -> set[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)) for path in files if part in path.read_bytes()}


def left_of(traces: dict[str, bytes], folder: Path) -> dict[str, set[str]]:
    """Where a row still is, but the manifest, which is the user's."""
    found = {what: files_with(folder, part) - {"manifest.csv"} for what, part in traces.items()}
    return {what: files for what, files in found.items() if files}


def test_nothing_of_a_row_is_left_but_what_is_the_users(folder: Path, tree: Tree) -> None:
    row = row_of(folder)
    traces, space = traces_of(folder, row), tree(folder / "space")
    for what, part in traces.items():
        assert files_with(folder, part) - {"manifest.csv"}, f"the {what} was nowhere"
    project = Project(folder / "plugins.yaml")
    others = [one.id for one in project.search("two", source="text", targets="vision", k=50)]
    report = project.forget(row.id)
    assert (report.ids, report.features, report.indexed) == ((row.id,), 1, 1)
    assert (report.references, report.lines) == (1, (row.line,))
    assert report.readable >= 2
    assert report.seen_by == ("audio", "text", "vision")
    assert report.untold == ()
    assert left_of(traces, folder) == {}
    assert tree(folder / "space") == space, "the space stays as it is"
    found = [one.id for one in project.search("two", source="text", targets="vision", k=50)]
    assert found == [one for one in others if one != row.id]
    assert not project.check_index("vision", queries=2).differences
    assert verify_log(folder / "audit.jsonl").intact
    assert not journal_path(folder / "space").exists()


def test_it_does_not_come_back(folder: Path) -> None:
    row = row_of(folder)
    traces, rows = traces_of(folder, row), rows_of(folder)
    Project(folder / "plugins.yaml").forget(row.id)
    shutil.copy(folder / row.input, folder / "vision/copy.png")
    (listed,) = [one for one in rows if one["input"] == row.input]
    write_rows(folder, [*rows, {**listed, "id": "copy", "input": "vision/copy.png"}])
    project = Project(folder / "plugins.yaml")
    project.extract("vision", again=["vision"])
    project.index(overwrite=True)
    project.calibrate(false_accept_rate=0.5, unfamiliar_rate=0.5, overwrite=True)
    project.train("text", "vision", overwrite=True)
    project.index("vision")
    assert "manifest.csv: 1 row was forgotten, and left out" in " ".join(project.notices)
    assert "'vision': left out what was forgotten, under other ids: 1" in project.notices
    for what in ("id", "content", "features", "vector", "reference"):
        assert files_with(folder, traces[what]) <= {"manifest.csv"}, what
    hits = project.search("two", source="text", targets="vision", k=500)
    assert not {row.id, "copy"} & {hit.id for hit in hits}
    assert "copy" not in (folder / "space.quarantine.csv").read_text("utf-8")


def test_rows_of_the_same_bytes_go_together(folder: Path) -> None:
    row, rows = row_of(folder), rows_of(folder)
    shutil.copy(folder / row.input, folder / "vision/copy.png")
    (listed,) = [one for one in rows if one["input"] == row.input]
    write_rows(folder, [*rows, {**listed, "id": "copy", "input": "vision/copy.png"}])
    project = Project(folder / "plugins.yaml")
    project.index("vision")
    report = project.forget("copy")
    assert set(report.ids) == {row.id, "copy"}
    assert report.indexed == 2
    assert report.seen_by == ("audio", "text", "vision")


def test_only_aligners_that_saw_it_are_named(folder: Path) -> None:
    unseen, series = row_of(folder, "vision", "test"), row_of(folder, "sensor")
    project = Project(folder / "plugins.yaml")
    assert project.forget(unseen.id).seen_by == ()
    assert project.forget(series.id).seen_by == ("sensor",)
    shutil.rmtree(folder / "space.seen")
    report = project.forget(series.id)
    assert (report.seen_by, report.untold) == ((), ("audio", "sensor", "text", "vision"))
    project.attach("sensor", replace=True)
    assert project.forget(series.id).untold == ("audio", "text", "vision")
    assert project.forget(series.id).seen_by == (), "it was trained without the row"


def test_what_is_gone_from_the_manifest_can_still_be_forgotten(folder: Path) -> None:
    row, rows = row_of(folder), rows_of(folder)
    traces = traces_of(folder, row)
    write_rows(folder, [one for one in rows if one["input"] != row.input])
    (folder / row.input).unlink()
    project = Project(folder / "plugins.yaml")
    report = project.forget(row.id)
    assert (report.features, report.indexed, report.lines) == (1, 1, ())
    assert left_of(traces, folder) == {}


def test_the_log_says_it_without_the_id(folder: Path) -> None:
    row = row_of(folder)
    project = Project(folder / "plugins.yaml")
    project.forget(row.id)
    begun, done = list(read_log(folder / "audit.jsonl"))[-2:]
    assert (begun.action, begun.outcome, done.outcome) == ("forget", "begun", "done")
    salt = json.loads((folder / "manifest.forgotten.json").read_text("utf-8"))["salt"]
    assert done.commitment == commitment_to({"forgotten": [row.id]}, salt), "who has it can prove"


def test_a_wrong_request_changes_nothing(folder: Path, refuses: Refuses) -> None:
    refuses("forget", "nobody", "--yes", cwd=folder, says=("nobody: no row of manifest.csv",))
    refuses("forget", row_of(folder).id, cwd=folder, says=("--yes",))
    told = process.spaner("forget", row_of(folder).id, "--yes", "--json", cwd=folder)
    assert json.loads(told.stdout)["features"] == 1, told.stderr
    listed = folder / "manifest.forgotten.json"
    listed.write_text("{}", "utf-8")
    ask = ("search", "two", "--from", "text", "--to", "vision")
    (folder / "space.index/vision.json").unlink()
    told = process.spaner(*ask, cwd=folder)
    assert told.returncode == 2
    assert "manifest.forgotten.json: it says what was forgotten" in told.stderr


MOMENTS = ("forgotten.json", "manifest.features", "space.index", "calibration", "readable")


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_half_way_it_is_finished_by_the_next_command(folder: Path, moment: str) -> None:
    row = row_of(folder)
    traces = traces_of(folder, row)
    number = {"manifest.features": 3, "space.index": 2, "readable": 3}.get(moment, 1)
    process_ = process.start("forget", row.id, "--yes", cwd=folder, stops=moment, first=number)
    assert process_.stopped(), process_.end()
    process_.kill()
    assert journal_path(folder / "space").exists()
    done = process.spaner("search", "two", "--from", "text", "--to", "vision", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "forgetting, which was interrupted, is finished" in done.stderr
    assert row.id not in done.stdout
    assert left_of(traces, folder) == {}
    assert verify_log(folder / "audit.jsonl").intact
