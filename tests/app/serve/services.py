"""Services that run beside tests, and what they are asked."""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests import process


class Service:
    """A service that runs: its address, its process and a client that asks it."""

    def __init__(self, running: process.Process, url: str, folder: Path, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.process, self.url, self.folder = running, url, folder
        self.client = httpx.Client(base_url=url, headers=headers, timeout=60)
        self._ended = False

    def ask(self, path: str, **sent: Any) -> httpx.Response:
        return self.client.post(path, json=sent)

    def answer(self, path: str, **sent: Any) -> Any:
        found = self.ask(path, **sent)
        assert found.status_code == 200, found.text
        return found.json()

    def search(self, *query: dict[str, Any], to: str = "vision", **more: Any) -> Any:
        return self.answer("/search", query=query, to=to.split(","), **more)

    def refused(self, path: str, **sent: Any) -> tuple[int, str]:
        """Ask what is refused; returns the status and the line."""
        return said(self.ask(path, **sent))

    def connect(self) -> socket.socket:
        """Open a connection on which anything can be sent."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return socket.create_connection((host, int(port)), timeout=60)

    def end(self, number: int) -> process.Ended:
        """Send a signal that ends it; returns how it ended."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> process.Ended:
        """Wait until it has ended; returns how."""
        self.client.close()
        self._ended = True
        return self.process.end()

    def close(self) -> None:
        self.client.close()
        if not self._ended:
            self.process.kill()


def said(found: httpx.Response) -> tuple[int, str]:
    """Return the status of a refusal and its line, which is all that it says."""
    content = found.json()
    assert set(content) == {"error"}, found.text
    assert "\n" not in content["error"]
    return found.status_code, content["error"]


@contextmanager
def serving(
    folder: Path, *arguments: object, token: str = "", changed: str = "", **how: Any
) -> Iterator[Service]:
    """Run `spaner serve` on a free port.

    `changed` is code that its process runs before the command, to see or to change what it does;
    `how` is for the process.
    """
    command = ["spaner", "serve", "--port", "0", *map(str, arguments)]
    running = process.Process(f"{changed}\n{process.MAIN}", command, cwd=folder, **how)
    lines = [running.line()]
    while lines[-1] and "serving at" not in lines[-1]:
        lines.append(running.line())
    found = re.search(r"serving at (http://\S+);", lines[-1])
    if found is None:
        raise AssertionError("".join(lines), running.end())
    service = Service(running, found[1], folder, token)
    try:
        yield service
    finally:
        service.close()


def sent_file(path: Path, **more: Any) -> dict[str, Any]:
    """Give a file's bytes as a client sends them."""
    data = base64.b64encode(path.read_bytes()).decode()
    return {"data": data, "name": path.name, **more}


def example(folder: Path, modality: str) -> Path:
    """Return a test file of a modality."""
    return min(path for path in (folder / modality / "test").rglob("*") if path.is_file())
