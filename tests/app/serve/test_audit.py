"""The audit log has a line for whatever a client was shown, with its token's name."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests import process
from tests.app.serve.services import example, sent_file, serving

Configure = Callable[..., None]

TOKENS = {"anna": "anna-" * 5, "bert": "bert-" * 5}
HOSTILE = 'two\n{"action": "forged"}\r\x1b[2J\u202e'


def lines_of(folder: Path) -> list[dict[str, Any]]:
    told = process.spaner("audit", "--json", "--last", "1000", cwd=folder)
    assert told.returncode == 0, told.stderr
    found: list[dict[str, Any]] = json.loads(told.stdout)
    return found


def test_all_that_is_shown_is_logged(served: Path, configure: Configure, tmp_path: Path) -> None:
    configure(served, {"text": ["vision", "audio"], "vision": ["text"]}, "policy", "links")
    configure(served, "runs/audit.jsonl", "policy", "audit_log")
    file = tmp_path / "tokens"
    file.write_text("".join(f"{n} {t}\n" for n, t in TOKENS.items()), encoding="utf-8")
    file.chmod(0o600)
    photo = {**sent_file(example(served, "vision")), "name": HOSTILE + ".png"}
    search = {"query": [{"text": HOSTILE}], "to": ["vision"], "k": 2}
    with serving(served, "--token-file", file, token=TOKENS["anna"]) as service:
        hits = service.answer("/search", **search)["hits"]
        service.answer("/search", query=[photo], to=["text"], k=1)
        assert service.refused("/search", query=[photo], to=["vision"])[0] == 403
        shown = {"query": {"text": "two"}, "hit": hits[1]["id"], "modality": "vision"}
        service.answer("/explain", **shown, budget=1)
        service.answer("/embed", inputs=[{"text": "two"}])
        assert service.refused("/propagate", source="text", target="audio")[0] == 403
        assert service.client.get(f"/previews/vision/{hits[0]['id']}").status_code == 200
        assert service.client.get("/previews/sensor/any").status_code == 403
        bert = {"authorization": f"Bearer {TOKENS['bert']}"}
        stranger = {"authorization": f"Bearer anna {TOKENS['anna']}"}
        asking = [
            threading.Thread(target=httpx.post, args=(f"{service.url}/search",), kwargs=sent)
            for sent in (
                {"json": search, "headers": headers, "timeout": 60}
                for headers in [bert, stranger] * 5
            )
        ]
        for one in asking:
            one.start()
        for one in asking:
            one.join(60)
    lines = lines_of(served)
    first = lines[:8]
    assert {line["who"] for line in first} == {"anna"}
    assert [(line["action"], line["outcome"], line["pairs"]) for line in first] == [
        ("search", "done", [["text", "vision"]]),
        ("search", "done", [["vision", "text"]]),
        ("search", "refused", [["vision", "vision"]]),
        ("explain", "done", [["text", "vision"]]),
        ("embed", "done", []),
        ("propagate", "refused", [["audio", "text"]]),
        ("show", "done", []),
        ("show", "refused", []),
    ]
    assert Counter(line["who"] for line in lines[8:]) == {"bert": 5}
    assert first[0]["content"]["query"] == [{"text": HOSTILE}]
    assert first[0]["content"]["rows"] == [hit["id"] for hit in hits]
    assert first[1]["content"]["query"] == [{"name": photo["name"]}], "no bytes of an upload"
    raw = (served / "runs/audit.readable.jsonl").read_bytes()
    assert not {byte for byte in raw if byte < 32} - {10}, "no control character"
    assert process.spaner("audit", "--verify", cwd=served).returncode == 0


def test_nothing_is_shown_where_it_cannot_be_logged(served: Path, configure: Configure) -> None:
    asked = {"query": [{"text": "two"}], "to": ["vision"]}
    with serving(served) as service:
        (hit, *_) = service.answer("/search", **asked)["hits"]
        configure(served, "manifest.csv/audit.jsonl", "policy", "audit_log")
        assert "nothing is done" in service.refused("/search", **asked)[1]
        found = service.client.get(f"/previews/vision/{hit['id']}")
        assert "nothing is done" in found.json()["error"]
