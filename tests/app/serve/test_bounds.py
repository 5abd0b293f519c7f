"""What the service does not take: too much, too slowly, from others' pages."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.serve.services import Service, said, serving

SMALL = """
import functools, pathlib, sys, time
import spaner.serve.api as api, spaner.serve.running as running
from spaner.serve.worker import Worker
from spaner_registry.assemble import Assembly
running.Limits = functools.partial(
    running.Limits, body_bytes=2**20, sending_s=1, answer_s=3, requests=8, idle_s=0.5
)
def held(project):
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return {}
api.describe_space = held
real_ask, real_extract = Worker.ask, Assembly.extract_usable
def ask(*given):
    future = real_ask(*given)
    print("asked", file=sys.stderr, flush=True)
    return future
def extract(self, name, sources, **how):
    print("together", len(sources), file=sys.stderr, flush=True)
    return real_extract(self, name, sources, **how)
Worker.ask, Assembly.extract_usable = ask, extract
"""
"""Sets small limits, says what is asked and encoded together, and holds `/space` until told."""

SEARCH = {"query": [{"text": "two"}], "to": ["vision"], "k": 1}


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory, served_project: Path) -> Iterator[Service]:
    """A service with small limits, for all tests of this module."""
    folder = shutil.copytree(served_project, tmp_path_factory.mktemp("bounded") / "project")
    with serving(Path(folder), changed=SMALL) as service:
        yield service


@pytest.fixture
def hold(bounded: Service) -> Iterator[Callable[[], None]]:
    """Let `/space` take its time from now on, until what is returned is called."""
    told = bounded.folder / "go"
    told.unlink(missing_ok=True)
    yield told.touch
    told.touch()


def whole(service: Service, request: bytes) -> bytes:
    """Send bytes, and read until the service ends the connection."""
    with service.connect() as connection:
        connection.sendall(request)
        found = b""
        while part := connection.recv(65536):
            found += part
    return found


def test_it_answers_that_it_is_there_while_others_wait(
    bounded: Service, hold: Callable[[], None]
) -> None:
    answers: list[int] = []
    waiting = threading.Thread(
        target=lambda: answers.append(httpx.get(f"{bounded.url}/space").status_code)
    )
    waiting.start()
    assert bounded.process.line() == "asked\n"
    assert bounded.client.get("/health").status_code == 200
    assert not answers
    hold()
    waiting.join(60)
    assert answers == [200]


def test_what_is_asked_at_once_is_encoded_together(
    bounded: Service, hold: Callable[[], None]
) -> None:
    texts = ["one", "two", "walking", "running", "two two"]
    answers: list[Any] = []

    def ask(text: str) -> None:
        sent = {**SEARCH, "query": [{"text": text}]}
        found = bounded.ask("/search", **sent) if text else bounded.client.get("/space")
        answers.append(found.status_code)

    asking = [threading.Thread(target=ask, args=(text,)) for text in ["", *texts]]
    for one in asking:
        one.start()
        assert bounded.process.line() == "asked\n"
    hold()
    for one in asking:
        one.join(60)
    assert bounded.process.line() == "together 5\n"
    assert answers == [200] * 6


def test_what_takes_too_long_is_given_up(bounded: Service, hold: Callable[[], None]) -> None:
    assert said(bounded.client.get("/space")) == (
        503,
        "the answer took too long; ask for less, or later",
    )
    assert bounded.process.line() == "asked\n"
    hold()


LARGE = json.dumps({**SEARCH, "query": [{"text": "x" * 2_000_000}]}).encode()


def test_what_is_too_large_is_refused_however_it_is_sent(bounded: Service) -> None:
    headers = {"content-type": "application/json"}
    for body in (LARGE, iter([LARGE[:700_000], LARGE[700_000:]])):
        found = bounded.client.post("/search", content=body, headers=headers)
        assert said(found) == (413, "the request is too large; expected at most 1 MB")
    asks_first = b"POST /search HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n"
    found = whole(bounded, asks_first + b"content-length: 99999999\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 413")


def test_bodies_that_come_slowly_are_given_up(bounded: Service) -> None:
    begun = b"POST /search HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{"
    assert whole(bounded, begun).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("begun", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nhost: lo"])
def test_a_connection_that_asks_nothing_ends(bounded: Service, begun: bytes) -> None:
    assert whole(bounded, begun) == b""


def test_a_client_that_does_not_listen_holds_nothing(bounded: Service) -> None:
    (hit,) = bounded.search({"text": "two"}, to="audio", k=1)["hits"]
    assert [bounded.process.line() for _ in range(2)] == ["asked\n", "together 1\n"]
    path = bounded.folder / hit["input"]
    original = path.read_bytes()
    path.write_bytes(b"." * 50_000_000)
    try:
        with bounded.connect() as connection:
            request = f"GET /sounds/audio/{hit['id']} HTTP/1.1\r\nhost: localhost\r\n\r\n"
            connection.sendall(request.encode())
            assert bounded.process.line() == "asked\n"
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
            threading.Event().wait(5)  # longer than an answer may take
            assert sum(map(len, iter(lambda: connection.recv(1_000_000), b""))) < 40_000_000
    finally:
        path.write_bytes(original)


def test_many_at_once_are_refused_until_others_are_done(bounded: Service) -> None:
    begun = b"POST /search HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{"
    connections = [bounded.connect() for _ in range(8)]
    for connection in connections:
        connection.sendall(begun)
    found = bounded.client.get("/health")
    while found.status_code == 200:  # until all have begun
        found = bounded.client.get("/health")
    assert said(found) == (503, "too many requests at once; ask again in a moment")
    for connection in connections:
        connection.close()
    while bounded.client.get("/health").status_code != 200:
        pass


def test_pages_of_other_sites_may_not_ask(bounded: Service) -> None:
    for headers in (
        {"origin": "https://example.org"},
        {"origin": "null"},
        {"host": "example.org"},
        {"host": "example.org:80", "origin": "http://example.org:80"},
    ):
        found = bounded.client.post("/search", json=SEARCH, headers=headers)
        assert said(found)[0] == 403
    form = {"content-type": "text/plain"}
    found = bounded.client.post("/search", content=json.dumps(SEARCH), headers=form)
    assert (said(found)[0], "Content-Type" in said(found)[1]) == (400, True), "as forms of pages"
    own = {"origin": bounded.url}
    assert bounded.client.get("/health", headers=own).status_code == 200


def test_every_answer_says_what_a_page_may_load(bounded: Service) -> None:
    for path in ("/", "/health", "/nowhere", "/page/nothing.js", "/page/..%2fapi.py"):
        headers = bounded.client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'; ")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("content", [b"{", b'{"query": \xff}', b"[" * 90_000, b"1" * 90_000, b""])
def test_what_is_no_json_is_refused_in_a_line(bounded: Service, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    assert said(bounded.client.post("/search", content=content, headers=headers))[0] == 400
