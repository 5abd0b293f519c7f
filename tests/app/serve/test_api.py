"""What the service answers: the same as the commands, from bytes that are in no file."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spaner as product
from PIL import Image

from tests.app.serve.services import Service, example, said, sent_file, serving

FILES = ("vision", "audio", "sensor")


@pytest.fixture(scope="module")
def project(service: Service) -> product.Project:
    return product.Project(service.folder / "plugins.yaml")


def test_it_says_that_it_is_there_and_what_can_be_asked(service: Service) -> None:
    assert service.client.get("/health").json()["status"] == "ok"
    described = service.client.get("/openapi.json").json()
    assert {"/search", "/embed", "/propagate", "/preview", "/space"} <= set(described["paths"])
    assert said(service.client.get("/docs"))[0] == 404, "a page of scripts from elsewhere"


@pytest.mark.parametrize("modality", FILES)
def test_an_upload_finds_what_its_file_finds(
    service: Service, project: product.Project, modality: str
) -> None:
    path = example(service.folder, modality)
    hits = project.search(str(path), source=modality, targets=["text", "audio"], k=4)
    found = service.search(sent_file(path), to="text,audio", k=4)
    assert found["source"] == modality, "its plugin recognises it"
    assert found["hits"] == hits.as_dicts()


def test_texts_that_are_asked_at_once_find_what_they_find_alone(
    service: Service, project: product.Project
) -> None:
    texts = ["two", "somebody walks", "running", "a two"]
    together = service.answer("/embed", inputs=[{"text": text} for text in texts])
    alone = project.space.encode(texts, modality="text")
    assert np.allclose(together["embeddings"], alone, atol=1e-6)
    assert together["keys"]["text"]["strength"] == 0.5
    for text in texts:
        hits = project.search(text, source="text", targets="vision", k=3)
        assert service.search({"text": text}, k=3)["hits"] == hits.as_dicts()


def test_a_text_is_never_read_as_a_path(service: Service, tmp_path: Path) -> None:
    secret = tmp_path / "walking.txt"
    secret.write_text("walking", encoding="utf-8")
    shown = service.answer("/preview", text=str(secret))
    assert (shown["modality"], shown["text"]) == ("text", str(secret))
    given, content = service.answer("/embed", inputs=[{"text": str(secret)}, {"text": "walking"}])[
        "embeddings"
    ]
    assert not np.allclose(given, content, atol=1e-3)


def test_what_spells_a_row_comes_first_and_an_upload_of_its_name_does_not(
    service: Service,
) -> None:
    path = example(service.folder, "vision")
    first = service.search({"text": path.name}, k=2)["hits"][0]
    assert (first["exact"], Path(first["input"]).name) == (True, path.name)
    other = sent_file(sorted(path.parent.iterdir())[3]) | {"name": path.name}
    assert not any(hit["exact"] for hit in service.search(other)["hits"])


def test_a_hit_becomes_the_query(service: Service) -> None:
    first, second = service.search({"text": "two"}, k=2)["hits"]
    found = service.search({"id": first["id"]}, {"id": second["id"], "weight": -0.5}, k=50)
    assert not {first["id"], second["id"]} & {hit["id"] for hit in found["hits"]}
    assert service.refused("/search", query=[{"id": "no such"}], to=["vision"])[0] == 404


def test_rows_are_shown_small_and_a_browser_keeps_them(service: Service) -> None:
    for modality in ("vision", "sensor"):
        (hit,) = service.search({"text": "walking"}, to=modality, k=1)["hits"]
        path = f"/previews/{modality}/{hit['id']}"
        shown = service.client.get(path)
        picture = base64.b64decode(shown.json()["picture"])
        assert Image.open(io.BytesIO(picture)).format == "WEBP"
        assert len(picture) <= 15 * 1024
        again = service.client.get(path, headers={"if-none-match": shown.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    (sound,) = service.search({"text": "two"}, to="audio", k=1)["hits"]
    played = service.client.get(f"/sounds/audio/{sound['id']}")
    assert played.content == (service.folder / sound["input"]).read_bytes()
    assert said(service.client.get(f"/sounds/vision/{hit['id']}"))[0] == 404
    assert said(service.client.get("/previews/vision/..%2f..%2fplugins.yaml"))[0] == 404


def test_labels_are_carried_as_the_command_does(service: Service, project: product.Project) -> None:
    asked = product.Propagation(source="text", target="vision", check=True, split="test")
    report = project.propagate(asked)
    found = service.answer("/propagate", source="text", target="vision", check=True, split="test")
    assert [one["concept"] for one in found["labels"]] == [one.concept for one in report.labels]


WRONG: list[tuple[str, dict[str, Any], int, str]] = [
    ("/search", {}, 400, "query: Field required"),
    ("/search", {"query": [{}], "to": ["vision"]}, 400, "give one of text, data and id"),
    ("/search", {"query": [{"text": "two"}], "to": ["vision"], "k": 10**6}, 400, "k: "),
    ("/search", {"query": [{"text": "two"}], "to": ["visoin"]}, 400, "did you mean 'vision'"),
    ("/search", {"query": [{"text": " "}], "to": ["vision"]}, 422, "the text is empty"),
    ("/search", {"query": [{"data": "!", "name": "a.png"}], "to": ["text"]}, 422, "no base64"),
    ("/search", {"query": [{"data": "AAAA", "name": "a.xyz"}], "to": ["text"]}, 400, "no plugin"),
    ("/search", {"query": [{"data": "AAAA", "name": "a.png"}], "to": ["text"]}, 422, "a.png: "),
    ("/search", {"query": [{"text": "two"}], "to": ["vision"], "where": ["a"]}, 400, "COLUMN OP"),
    ("/embed", {"inputs": [{"text": "two", "modality": "vision"}]}, 422, "takes no text"),
    ("/embed", {"inputs": [{"text": "two"}], "strength": 2}, 400, "strength"),
    ("/propagate", {"source": "text", "target": "vision", "k": 0}, 400, "k: "),
    ("/preview", {"data": base64.b64encode(b"%PDF-1.4").decode(), "modality": "audio"}, 422, ""),
]


@pytest.mark.parametrize(("path", "sent", "status", "says"), WRONG)
def test_what_is_wrong_is_one_line(
    service: Service, path: str, sent: dict[str, Any], status: int, says: str
) -> None:
    found, line = service.refused(path, **sent)
    assert (found, says in line) == (status, True), line


def test_one_that_two_may_read_is_asked_about(service: Service) -> None:
    document = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(document, format="PDF")
    sent = {"data": base64.b64encode(document.getvalue()).decode(), "name": "plan.pdf"}
    assert service.answer("/preview", **sent)["candidates"] == ["text", "vision"]
    assert "may be of text or vision" in service.refused("/search", query=[sent], to=["text"])[1]
    assert service.search({**sent, "modality": "vision"}, to="text")["source"] == "vision"


WATCHED = """
import os, sys
def watch(event, given):
    if event in ("open", "os.mkdir", "os.rename", "os.remove"):
        flags = given[2] if event == "open" and isinstance(given[2], int) else os.O_RDWR
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        os.write(1, f"{'write' if writes else 'read'} {given[0]}\\n".encode())
sys.addaudithook(watch)
"""
"""Notes what is opened or changed, by Python or below it."""


def test_nothing_is_written_and_no_name_of_a_clients_is_opened(
    served: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("a,b\n1,2\n", encoding="utf-8")
    names = {"vision": "theirs.png", "audio": "theirs.flac#theirs.csv", "sensor": str(theirs)}
    with serving(served, changed=WATCHED) as service:
        for name in FILES:
            sent = {**sent_file(example(served, name)), "name": names[name]}
            assert service.search(sent, to="text")["source"] == name
            assert service.answer("/preview", **sent)["modality"] == name
            service.answer("/embed", inputs=[sent])
        for text in (str(theirs), "theirs.txt", "plugins.yaml"):
            (hit,) = service.search({"text": text}, to="audio", k=1)["hits"]
            service.answer("/explain", query={"text": text}, modality="audio", hit=hit["id"])
            service.client.get(f"/previews/text/{text}")
        ended = service.end(signal.SIGTERM)
    opened = [line.split(" ", 1) for line in ended.stdout.splitlines()]
    assert ["read", hit["input"]] in opened, "the hook hears"
    assert [name for _, name in opened if "theirs" in name] == []
    assert [name for how, name in opened if how == "write" and name != os.devnull] == []


def test_a_hit_is_explained_as_the_command_does(service: Service, project: product.Project) -> None:
    hits = project.search("a two", source="text", targets="vision", k=2)
    asked = {"query": {"text": "a two"}, "modality": "vision", "hit": hits[1].id, "budget": 8}
    found = service.answer("/explain", **asked)
    reason = asdict(project.explain("a two", hits[1], source="text", budget=8))
    reason["hit"]["input"] = hits[1].input
    assert found == json.loads(json.dumps(reason))
    row = {"id": hits[0].id, "modality": "vision"}
    assert service.answer("/explain", **{**asked, "query": row})["id"] == hits[1].id
    itself = {"id": hits[1].id, "modality": "vision"}
    assert service.refused("/explain", **{**asked, "query": itself})[0] == 404
    assert service.refused("/explain", **{**asked, "hit": "no such"})[0] == 404
    assert service.refused("/explain", **{**asked, "budget": 65})[0] == 400
