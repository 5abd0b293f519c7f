"""Embeddings as Parquet: from the command line and from Python, whole or not at all."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest
import spaner as product
from PIL import Image
from pyarrow import parquet
from spaner_core.errors import SpaceError

from tests.app.answers import notes, only_json
from tests.app.projects import picture, rows_of, write_rows

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]


def opened(folder: Path) -> product.Project:
    return product.Project(folder / "plugins.yaml")


def test_every_door_writes_the_same_file(trained: Path, spaner: Run) -> None:
    asked = ("export", "vision", "shell.parquet", "--split", "test", "--json")
    report = only_json(spaner(*asked, cwd=trained))
    project, space = opened(trained), product.load(trained / "plugins.yaml")
    done = space.export("vision", trained / "space.parquet", split="test")
    project.export("vision", str(trained / "project.parquet"), split="test")
    written = {path.read_bytes() for path in trained.glob("*.parquet")}
    assert len(written) == 1
    assert (report["rows"], report["dim"]) == (done.rows, done.dim) == (10, 128)
    assert product.VectorKey(**report["key"]) == done.key


def test_the_file_has_the_manifests_rows_and_their_embeddings(trained: Path) -> None:
    space = product.load(trained / "plugins.yaml")
    path = trained / "deep" / "vision.parquet"
    space.export("vision", path, strength=0.2)
    frame = pandas.read_parquet(path)
    rows = [row for row in rows_of(trained) if row["modality"] == "vision"]
    assert (frame.columns[0], frame.columns[-1]) == ("id", "embedding")
    shown = frame.drop(columns=["embedding", "item"]).fillna("").to_dict("records")
    assert shown == rows
    files = [trained / given for given in frame["input"]]
    again = space.encode(files, modality="vision", strength=0.2)
    embeddings = np.stack(frame["embedding"].to_list())
    assert np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    assert np.diag(space.similarity(embeddings, again)).min() > 0.999
    key = json.loads(parquet.read_schema(path).metadata[b"spaner.vector_key"])
    space.check_vectors(product.VectorKey(**key))
    assert key["strength"] == 0.2


def test_a_sample_of_several_concepts_keeps_them_all(trained: Path) -> None:
    rows = rows_of(trained)
    (first, *_) = [row for row in rows if row["modality"] == "text"]
    write_rows(trained, [*rows, {**first, "concept": "two"}])
    path = trained / "text.parquet"
    opened(trained).export("text", path)
    frame = pandas.read_parquet(path)
    both = frame[frame["id"] == first["id"]]
    assert set(both["concept"]) == {first["concept"], "two"}
    assert np.array_equal(*both["embedding"])


def test_an_export_through_an_index_is_the_same(trained: Path) -> None:
    project = opened(trained)
    project.export("audio", trained / "without.parquet")
    project.index("audio")
    project.export("audio", trained / "through.parquet")
    without, through = (
        pandas.read_parquet(trained / f"{n}.parquet") for n in ("without", "through")
    )
    assert list(without["id"]) == list(through["id"])
    assert np.allclose(np.stack(without["embedding"]), np.stack(through["embedding"]), atol=1e-6)


def test_what_must_not_be_written_is_refused_before_any_work(
    trained: Path, refuses: Refuses, configure: Configure
) -> None:
    (trained / "there.parquet").write_bytes(b"kept")
    asked = ("export", "vision")
    refuses(*asked, "there.parquet", cwd=trained, says=("exists", "--overwrite"))
    refuses(*asked, "there.csv", cwd=trained, says=(".parquet",))
    refuses(*asked, "space/there.parquet", cwd=trained, says=("in the space",))
    refuses(*asked, "new.parquet", "--split", "tets", cwd=trained, says=("tets",))
    refuses("export", "sensor", "new.parquet", cwd=trained, says=("no modality 'sensor'",))
    configure(trained, {"text": ["audio"]}, "policy", "links")
    refuses(*asked, "new.parquet", cwd=trained, says=("plugins.yaml:", "nothing may be given"))
    assert (trained / "there.parquet").read_bytes() == b"kept"


def test_a_file_that_escapes_the_policy_in_part_says_so(
    trained: Path, spaner: Run, configure: Configure
) -> None:
    configure(trained, {"text": ["audio"]}, "policy", "links")
    done = spaner("export", "audio", "audio.parquet", "--overwrite", cwd=trained)
    assert done.returncode == 0
    (note,) = notes(done)
    assert "vision, audio, sensor find 'audio'" in note


def test_a_column_that_embeddings_would_hide_is_refused(trained: Path, refuses: Refuses) -> None:
    write_rows(trained, [{**row, "embedding": "mine"} for row in rows_of(trained)])
    refuses("export", "text", "text.parquet", cwd=trained, says=("'embedding'", "rename"))


def test_a_space_finds_what_its_project_and_the_command_find(trained: Path, spaner: Run) -> None:
    query = picture(trained)
    asked = ("--from", "vision", "--to", "text,audio", "-k", "4", "--json", "--quiet")
    wanted = only_json(spaner("search", query, *asked, cwd=trained))
    project = opened(trained)
    with Image.open(query) as file:
        image = file.convert("RGB")
    for given in (query, str(query), [image], np.asarray(image)):
        hits = project.space.search(given, source="vision", targets=["text", "audio"], k=4)
        assert hits.as_dicts() == wanted
        project.index()  # from the second time on the index serves


def test_a_space_opened_by_its_folder_has_no_rows(trained_project: Path) -> None:
    space = product.load(trained_project / "space")
    with pytest.raises(SpaceError, match=r"^[^\n]*opened by its folder.*plugins\.yaml[^\n]*$"):
        space.search("two", source="text", targets="vision")
    with pytest.raises(SpaceError, match="opened by its folder"):
        space.export("vision", trained_project / "new.parquet")


def test_rows_that_cannot_be_used_are_left_out_and_listed(
    trained: Path, configure: Configure
) -> None:
    configure(trained, 0.5, "data", "max_unusable")
    broken = picture(trained)
    broken.write_bytes(broken.read_bytes()[:40])
    project = opened(trained)
    project.export("vision", trained / "vision.parquet")
    written = pandas.read_parquet(trained / "vision.parquet")["input"]
    name = str(broken.relative_to(trained))
    every = {row["input"] for row in rows_of(trained) if row["modality"] == "vision"}
    assert every - set(written) == {name}
    assert name in (trained / "space.quarantine.csv").read_text(encoding="utf-8")
    assert any("1 row of 'vision' cannot be used" in notice for notice in project.notices)
