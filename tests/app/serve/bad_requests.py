"""Makes requests that are wrong, from a seed."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.app.serve.services import Service

POSTS = {
    "/search": {"query": [{"text": "two"}], "to": ["vision"]},
    "/embed": {"inputs": [{"text": "two"}]},
    "/explain": {"query": {"text": "two"}, "hit": "any", "modality": "vision", "budget": 1},
    "/preview": {"data": "AAAA", "name": "a.png"},
    "/propagate": {"source": "text", "target": "vision", "split": "test"},
}
SIGNS = ["\x00", "\x1b[2J", "\r\n", "\u2028", "\u202e", "\ud800", "\x7f", "é" * 40, "%", "\\", "'"]
FILES = [
    b"\x89PNG\r\n\x1a\n",
    b"fLaC",
    b"RIFF\0\0\0\0WAVE",
    b"%PDF-1.4\n",
    b"acc_x,acc_y\n1,",
    b"II*\0",
]
TOKENS = ["", "wrong", "\xff\xfe", "Basic YTpi", "a" * 5000]


def bad_requests(seed: int, count: int) -> Iterator[bytes]:
    """Give so many requests as the bytes that a client sends."""
    draw = random.Random(seed)
    for _ in range(count):
        yield draw.choice([_changed, _changed, _changed, _file, _cut, _line, _strange])(draw)


def _request(
    body: bytes, *, path: str, method: str = "POST", more: str = "", kind: str = "application/json"
) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    head += f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return head.encode("utf-8", "surrogatepass") + body


def _changed(draw: random.Random) -> bytes:
    """A request of which one value or name is something else."""
    path = draw.choice(list(POSTS))
    content = json.loads(json.dumps(POSTS[path]))
    _change(content, draw)
    return _request(json.dumps(content).encode(), path=path)


def _change(content: Any, draw: random.Random) -> None:
    place = draw.choice(list(content) if isinstance(content, dict) else range(len(content)))
    inner = content[place]
    if isinstance(inner, dict | list) and inner and draw.random() < 0.7:
        _change(inner, draw)
    elif isinstance(content, dict) and draw.random() < 0.2:
        content["".join(draw.choices(SIGNS, k=3))] = content.pop(place)
    else:
        content[place] = _value(draw)


def _value(draw: random.Random) -> Any:
    return draw.choice(
        [
            *(None, True, -1, 0, 10**30, 1e308, float("nan"), float("inf"), [], {}, "", " "),
            *([[[[]]]] * 3, {"text": 1}, {"id": "\x00"}, "x" * draw.randint(1, 300_000)),
            "".join(draw.choices([*SIGNS, "two", " "], k=draw.randint(1, 30))),
            ["vision"] * draw.randint(0, 40),
        ]
    )


def _file(draw: random.Random) -> bytes:
    """A file that begins like one and goes on as noise."""
    data = draw.choice(FILES) + draw.randbytes(draw.choice([0, 10, 5_000, 200_000]))
    sent = {
        "data": base64.b64encode(data).decode(),
        "name": draw.choice(["a.png", "a.flac", "a.csv", "../a.pdf#page=9", "\x00", *SIGNS]),
    }
    if draw.random() < 0.5:
        sent["modality"] = draw.choice(["text", "vision", "audio", "sensor", "\x1b"])
    path, content = draw.choice([("/preview", sent), ("/embed", {"inputs": [sent]})])
    return _request(json.dumps(content).encode(), path=path)


def _cut(draw: random.Random) -> bytes:
    """A request that is cut, or whose bytes are damaged."""
    whole = bytearray(_changed(draw))
    for _ in range(draw.randint(0, 5)):
        whole[draw.randrange(len(whole))] = draw.randrange(256)
    return bytes(whole[: draw.randint(1, len(whole))] if draw.random() < 0.5 else whole)


def _line(draw: random.Random) -> bytes:
    """A request whose path, method, type or headers are strange."""
    path, content = draw.choice(list(POSTS.items()))
    more = draw.choice(
        [
            f"authorization: Bearer {draw.choice(TOKENS)}\r\n",
            f"origin: {draw.choice(['null', 'http://x', ':', 'http://[', '//'])}\r\n",
            f"host: {draw.choice(['[', 'x', ''])}\r\n",
            "transfer-encoding: chunked\r\n",
            f"x-long: {'a' * 70_000}\r\n",
            "expect: 100-continue\r\n",
            f"if-none-match: {draw.choice(TOKENS)}\r\n",
        ]
    )
    strange = "/previews/vision/" + draw.choice(["%00", "..%2f..%2fx", "%ff", "%0d%0aX: y", "a/b"])
    return _request(
        draw.choice([json.dumps(content).encode(), b"", b"\xff\xfe", b"null", b'"', b"a=1&b=2"]),
        path=draw.choice(
            [path, path, strange, "/%00", "//x", "/page/..%2fapi.py", "*", "/items/x"]
        ),
        method=draw.choice(["POST", "POST", "GET", "PUT", "DELETE", "OPTIONS", "X\x01"]),
        kind=draw.choice(
            ["application/json", "text/plain", "multipart/form-data", "\x00", "a/b;="]
        ),
        more=more,
    )


def _strange(draw: random.Random) -> bytes:
    """Bytes that are no request, or JSON that is deep or long."""
    deep = draw.choice([b"[" * 50_000, b'{"a":' * 20_000, b"9" * 50_000, b"-", b"\xef\xbb\xbf{}"])
    return draw.choice([draw.randbytes(200) + b"\r\n\r\n", _request(deep, path="/search")])


def answer_to(service: Service, request: bytes) -> bytes:
    """Send a request as it is; return all that comes back."""
    with service.connect() as connection:
        found = b""
        try:
            connection.sendall(request)
            connection.shutdown(1)  # nothing more comes
            while part := connection.recv(65536):
                found += part
        except (ConnectionResetError, BrokenPipeError):  # it was refused before all was sent
            pass
    return found


def resident_mb(pid: int) -> float:
    """Return the memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
