"""How the service begins and ends, and whom it lets in."""

from __future__ import annotations

import shutil
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from spaner.serve.tokens import read_tokens
from spaner_core.errors import ConfigError

from tests.app.serve.services import Service, said, serving

Refuses = Callable[..., str]
TOKEN = "a-token-of-some-length"
HELD = """
import pathlib, time
import spaner.serve.api as api
from spaner.serve.described import describe_space
def held(project):
    pathlib.Path("held").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return describe_space(project)
api.describe_space = held
"""
"""Lets `/space` take as long as a test wants."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_what_is_under_way(
    served: Path, number: signal.Signals, tmp_path: Path
) -> None:
    with serving(served, changed=HELD) as service:
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(service.client.get("/space")))
        asking.start()
        while not (served / "held").exists():
            pass
        service.process.send_signal(number)
        while is_open(service):
            pass
        (served / "go").touch()
        asking.join(60)
        ended = service.wait()
    assert [one.status_code for one in answers] == [200]
    assert ended.returncode == -number
    assert ended.stderr == f"stopped by {number.name}; nothing was half-written\n"


def is_open(service: Service) -> bool:
    try:
        service.connect().close()
    except OSError:
        return False
    return True


def test_a_port_that_is_taken_is_named(served: Path, refuses: Refuses) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refuses("serve", "--port", port, cwd=served, says=(f"port {port}", "--port"))


def test_without_an_index_it_says_how_to_make_one(served: Path, refuses: Refuses) -> None:
    shutil.rmtree(served / "space.index")
    refuses("serve", "--port", "0", cwd=served, says=("spaner index",))


def test_beyond_the_machine_it_wants_a_token(served: Path, refuses: Refuses) -> None:
    refuses("serve", "--host", "0.0.0.0", cwd=served, says=("token",))
    short = served / "tokens"
    short.write_text("anna short\n", encoding="utf-8")
    short.chmod(0o600)
    said = refuses("serve", "--token-file", short, cwd=served, says=("16 letters",))
    assert "short" not in said


def test_tokens_let_in_and_are_said_nowhere(served: Path, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"anna {TOKEN}\n\nbert {TOKEN[::-1]}\n", encoding="utf-8")
    file.chmod(0o600)
    debug = {"SPANER_LOG_LEVEL": "debug"}
    with serving(
        served, "--host", "0.0.0.0", "--token-file", file, token=TOKEN, variables=debug
    ) as service:
        service.url = service.url.replace("0.0.0.0", "127.0.0.1")
        service.client.base_url = service.url
        assert service.client.get("/space").status_code == 200
        for headers in ({}, {"authorization": f"Bearer {TOKEN}x"}, {"authorization": TOKEN}):
            with httpx.Client(base_url=service.url, headers=headers, timeout=60) as stranger:
                assert said(stranger.get("/space"))[0] == 401
                assert said(stranger.get("/openapi.json"))[0] == 401
                assert said(stranger.delete("/items/one"))[0] == 401
                assert stranger.get("/health").status_code == 200
                assert stranger.get("/").headers["content-type"].startswith("text/html")
        ended = service.end(signal.SIGTERM)
    assert TOKEN not in ended.stderr + ended.stdout


def test_every_token_is_compared_in_constant_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"anna {TOKEN}\nbert {TOKEN[::-1]}\n", encoding="utf-8")
    file.chmod(0o600)
    tokens = read_tokens(file)
    assert tokens is not None
    assert TOKEN not in repr(tokens)
    compared: list[tuple[bytes, bytes]] = []
    real = __import__("hmac").compare_digest
    monkeypatch.setattr(
        "spaner.serve.tokens.hmac.compare_digest",
        lambda one, other: compared.append((one, other)) or real(one, other),
    )
    assert tokens.name_of(TOKEN.encode()) == "anna"
    assert tokens.name_of(TOKEN[:-1].encode()) is None
    assert [len(one) for pair in compared for one in pair] == [32] * 8, "all, as digests"


WRONG_FILES = {
    "anna": "expected NAME TOKEN",
    f"anna {TOKEN}\nanna {TOKEN}": ":2: expected NAME TOKEN",
    "": "expected tokens",
}


@pytest.mark.parametrize("content", WRONG_FILES)
def test_a_file_of_tokens_that_is_wrong_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(content, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=WRONG_FILES[content]) as error:
        read_tokens(file)
    assert TOKEN not in str(error.value)


def test_a_file_of_tokens_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"anna {TOKEN}", encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_tokens(file)
