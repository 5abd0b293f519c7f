"""Whatever is sent, the service says in a line what is wrong, and goes on."""

from __future__ import annotations

import json
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.app.serve.bad_requests import answer_to, bad_requests, resident_mb
from tests.app.serve.services import serving

ANSWERED = re.compile(rb"HTTP/1.1 (\d+) ")
REFUSED = {400, 401, 403, 404, 405, 408, 409, 413, 422, 431, 503}
MOST_MB = 300
"""Memory that bad requests may add."""


@pytest.mark.parametrize(
    "count", [100, pytest.param(2_000, marks=pytest.mark.slow)], ids=["sample", "all"]
)
def test_bad_requests_are_refused_in_a_line(served: Path, count: int) -> None:
    idle = "import functools, spaner.serve.running as r\n"
    idle += "r.Limits = functools.partial(r.Limits, sending_s=2, idle_s=1)"
    with serving(served, changed=idle) as service:
        good = service.search({"text": "two"}, k=3)["hits"]
        ask = partial(answer_to, service)
        with ThreadPoolExecutor(8) as clients:
            requests = list(bad_requests(count, count))
            list(clients.map(ask, requests[: count // 4]))
            before = resident_mb(service.process.pid)
            answers = list(clients.map(ask, requests))
        grown = resident_mb(service.process.pid) - before
        assert service.search({"text": "two"}, k=3)["hits"] == good
        ended = service.end(signal.SIGTERM)
    refused = 0
    for request, answer in zip(requests, answers, strict=True):
        status = int(found[1]) if (found := ANSWERED.match(answer)) else None
        assert status is None or status < 300 or status in REFUSED, (request[:2000], answer)
        body = answer.rpartition(b"\r\n\r\n")[2]
        if status is not None and status >= 400 and b"application/json" in answer:
            line = json.loads(body)["error"]
            assert line.isprintable(), (request[:2000], line)
            refused += 1
    assert refused > count / 2
    assert grown < MOST_MB
    assert ended.stderr == "stopped by SIGTERM; nothing was half-written\n", "nothing else is said"
