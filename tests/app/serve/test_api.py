"""What the service answers: the same as the commands, from bytes that are in no file."""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spaner as product
from PIL import Image
from spaner.serve.answers import answer_search, ask_search
from spaner.serve.opened import Opened
from spaner.serve.requests import SearchRequest
from spaner.serve.worker import Worker

from tests.app.serve.services import Service, example, said, sent_file

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


@contextmanager
def opened_files() -> Iterator[list[tuple[str, int]]]:
    """Note what is opened, by Python or below it."""
    opened: list[tuple[str, int]] = []
    active = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if active and event == "open":
            opened.append((str(arguments[0]), arguments[2]))

    sys.addaudithook(watch)
    try:
        yield opened
    finally:
        active = False


def test_nothing_is_written_and_no_name_of_a_clients_is_opened(
    served_project: Path, tmp_path: Path
) -> None:
    worker = Worker(Opened(lambda: product.Project(served_project / "plugins.yaml")))
    worker.start()
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("a,b\n1,2\n", encoding="utf-8")
    names = {"vision": "theirs.png", "audio": "theirs.flac#theirs.csv", "sensor": str(theirs)}

    def ask(modality: str) -> Any:
        sent = sent_file(example(served_project, modality)) | {"name": names[modality]}
        asked = SearchRequest.model_validate({"query": [sent], "to": ["text"]})
        return worker.ask(
            lambda project: ask_search(project, asked),
            lambda project, parts: answer_search(project, parts, asked),
        ).result(60)

    for modality in FILES:
        ask(modality)  # the first one loads encoders
    with opened_files() as opened:
        found = [ask(modality) for modality in FILES]
    worker.close(within_s=60)
    assert [one["source"] for one in found] == list(FILES)
    assert opened, "the hook hears"
    written = [name for name, flags in opened if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)]
    assert [name for name in written if name != os.devnull] == []
    assert [name for name, _ in opened if "theirs" in name] == []
