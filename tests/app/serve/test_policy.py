"""Every way through the service asks the policy, for every ordered pair."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.app.serve.services import Service, example, sent_file, serving

Configure = Callable[..., None]

NAMES = ("text", "vision", "audio")
PAIRS = list(permutations(NAMES, 2))
SOME = {"text": ["vision"], "vision": ["audio", "text"], "audio": []}
OTHERS = {"text": ["audio"], "vision": [], "audio": ["text", "vision"]}
"""Together they permit and refuse every ordered pair once."""

ASKING = {"/search", "/explain", "/propagate", "/embed", "/previews/{modality}/{row}"}
ASKING |= {"/sounds/{modality}/{row}"}
LINKING_NOTHING = {"/health", "/space", "/preview", "/items/{row}"}


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory, served_project: Path) -> Iterator[Service]:
    """A service whose policy alone changes."""
    folder = shutil.copytree(served_project, tmp_path_factory.mktemp("bound") / "project")
    with serving(Path(folder)) as service:
        yield service


def test_every_path_says_whether_it_links_modalities(bound: Service) -> None:
    assert set(bound.client.get("/openapi.json").json()["paths"]) == ASKING | LINKING_NOTHING


def given(folder: Path, name: str) -> dict[str, Any]:
    return {"text": "two"} if name == "text" else sent_file(example(folder, name))


@pytest.mark.parametrize("links", [SOME, OTHERS], ids=["some", "others"])
@pytest.mark.parametrize("path", ["/search", "/explain", "/propagate"])
def test_one_pair_at_a_time(
    bound: Service, configure: Configure, path: str, links: dict[str, list[str]]
) -> None:
    purpose = "propagate" if path == "/propagate" else "search"
    configure(bound.folder, {name: list(NAMES) for name in NAMES}, "policy", "links")
    ids = {name: bound.search({"text": "two"}, to=name)["hits"][0]["id"] for name in NAMES}
    configure(bound.folder, {n: {purpose: links[n]} for n in NAMES}, "policy", "links")
    for source, target in PAIRS:
        asked: dict[str, Any] = {
            "/search": {"query": [given(bound.folder, source)], "to": [target]},
            "/explain": {
                "query": given(bound.folder, source),
                "modality": target,
                "hit": ids[target],
                "budget": 1,
            },
            "/propagate": {"source": target, "target": source, "check": True, "split": "test"},
        }[path]
        found = bound.ask(path, **asked)
        assert found.status_code == (200 if target in links[source] else 403), found.text
        if path == "/search":  # a row asks too, and so does each of several
            row = {"id": ids[source], "modality": source}
            found = bound.ask(path, query=[row], to=[target])
            assert found.status_code == (200 if target in links[source] else 403), found.text
            both = bound.ask(path, query=[row, given(bound.folder, source)], to=list(NAMES))
            assert both.status_code == 403


def test_embeddings_and_rows_are_shown_where_anything_may_have_them(
    bound: Service, configure: Configure
) -> None:
    configure(bound.folder, {name: list(NAMES) for name in NAMES}, "policy", "links")
    ids = {name: bound.search({"text": "two"}, to=name)["hits"][0]["id"] for name in NAMES}
    configure(
        bound.folder, {"text": {"search": ["audio"], "export": ["vision"]}}, "policy", "links"
    )
    for name in NAMES:
        found = bound.ask("/embed", inputs=[given(bound.folder, name)])
        assert found.status_code == (200 if name == "vision" else 403), found.text
        found = bound.client.get(f"/previews/{name}/{ids[name]}")
        assert found.status_code == (200 if name == "audio" else 403), found.text
    assert bound.client.get(f"/sounds/audio/{ids['audio']}").status_code == 200
    described = {one["name"]: one for one in bound.client.get("/space").json()["modalities"]}
    assert described["text"]["samples"] == []
    assert [t for t, link in described["text"]["finds"].items() if link["allowed"]] == ["audio"]
    assert "may not find" in described["vision"]["finds"]["text"]["why"]
