"""A service follows what changes on the disk without a restart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.app.serve.services import example, sent_file, serving

Configure, Run = Callable[..., None], Callable[..., object]


def test_a_modality_that_is_attached_is_searched_without_a_restart(
    trained: Path, spaner: Run
) -> None:
    folder = trained
    spaner("index", "--quiet", cwd=folder)
    series = sent_file(example(folder, "sensor"))
    with serving(folder) as service:
        status, line = service.refused("/search", query=[series], to=["text"])
        assert (status, "spaner attach sensor" in line) == (409, True), line
        before = service.search({"text": "walking"}, to="audio")["hits"]
        spaner("attach", "sensor", "--quiet", cwd=folder)
        assert service.search(series, to="text")["source"] == "sensor"
        assert service.search({"text": "walking"}, to="sensor")["hits"]
        assert service.search({"text": "walking"}, to="audio")["hits"] == before
        assert not any("probability" in hit for hit in before)
        spaner("calibrate", "--false-accept", "0.2", "--quiet", cwd=folder)
        assert "probability" in service.search({"text": "walking"}, to="audio")["hits"][0]


def test_a_changed_configuration_binds_at_once(served: Path, configure: Configure) -> None:
    path = served / "plugins.yaml"
    original = path.read_text(encoding="utf-8")
    asked = {"query": [{"text": "two"}], "to": ["vision"]}
    with serving(served) as service:
        assert service.ask("/search", **asked).status_code == 200
        configure(served, {"text": ["audio"]}, "policy", "links")
        status, line = service.refused("/search", **asked)
        assert status == 403
        assert "plugins.yaml:" in line
        path.write_text(f"{original}\nnothing: [", encoding="utf-8")
        status, line = service.refused("/search", **asked)
        assert (status, "plugins.yaml:" in line) == (503, True), line
        path.write_text(original, encoding="utf-8")
        assert service.ask("/search", **asked).status_code == 200


def test_rows_that_are_indexed_later_are_found(served: Path, spaner: Run) -> None:
    manifest = served / "manifest.csv"
    content = manifest.read_text(encoding="utf-8")
    columns = content.partition("\n")[0].split(",")
    owls = {"id": "owls", "modality": "text", "input": "two owls", "concept": "two"}
    owls["split"] = "test"
    spaner("index", "--quiet", cwd=served)  # the manifest is a copy
    with serving(served) as service:
        assert service.search({"text": "two"}, to="text")["notices"] == []
        line = ",".join(owls.get(column, "") for column in columns)
        manifest.write_text(f"{content}{line}\n", encoding="utf-8")
        (notice,) = service.search({"text": "two"}, to="text")["notices"]
        assert "spaner index" in notice
        spaner("index", "--quiet", cwd=served)
        found = service.search({"text": "two owls"}, to="text", k=1)
        assert found["hits"][0]["id"] == "owls"


def test_an_index_that_does_not_fit_is_refused(served: Path, configure: Configure) -> None:
    config = yaml.safe_load((served / "plugins.yaml").read_text(encoding="utf-8"))
    with serving(served) as service:
        shutil.rmtree(served / "space.index" / "vision")
        (served / "space.index" / "vision.json").unlink(missing_ok=True)
        status, line = service.refused("/search", query=[{"text": "two"}], to=["vision", "text"])
        assert (status, "spaner index vision" in line) == (409, True)
        assert {
            one["name"]: one["problem"] for one in service.client.get("/space").json()["modalities"]
        } == {**dict.fromkeys(config["modalities"]), "vision": line}


def test_a_row_that_is_deleted_is_found_no_more(served: Path, configure: Configure) -> None:
    configure(served, "runs/audit.jsonl", "policy", "audit_log")
    with serving(served) as service:
        first, second = service.search({"text": "two"}, k=2)["hits"]
        assert service.client.get(f"/previews/vision/{first['id']}").status_code == 200
        deleted = service.client.delete(f"/items/{first['id']}")
        assert deleted.status_code == 200, deleted.text
        assert deleted.json()["ids"] == [first["id"]]
        assert service.client.delete(f"/items/{first['id']}").status_code == 404
        assert service.client.get(f"/previews/vision/{first['id']}").status_code == 404
        assert service.refused("/search", query=[{"id": first["id"]}], to=["text"])[0] == 404
        found = [hit["id"] for hit in service.search({"text": "two"}, k=50)["hits"]]
        assert first["id"] not in found
        assert second["id"] in found
    log = (served / "runs/audit.jsonl").read_text(encoding="utf-8")
    assert '"forget"' in log
