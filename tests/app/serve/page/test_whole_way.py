"""The whole way: a photo, why, more like it, what the policy closes, forgetting, the audit log."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser

from tests.app.serve.page.browsed import browsed
from tests.app.serve.page.given import what
from tests.app.serve.services import serving

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]
FIRST = "document.querySelector('article').hit"


def test_what_a_page_shows_can_be_forgotten_and_is_in_the_log(
    tmp_path: Path, demonstration: Path, browser: Browser, spaner: Run
) -> None:
    folder = Path(shutil.copytree(demonstration, tmp_path / "project"))
    config = yaml.safe_load((folder / "plugins.yaml").read_text(encoding="utf-8"))
    links = {"vision": ["text", "audio"], "text": ["vision"]}
    config["policy"] = {"links": links, "audit_log": "audit.jsonl"}
    (folder / "plugins.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def said(*arguments: str) -> Any:
        done = spaner(*arguments, "--json", cwd=folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    with serving(folder) as service, browsed(browser, service.url) as page:
        page.give("drop", *what(service, "vision", "hit"))
        found = page.cards().first
        shown = page.page.evaluate(FIRST)
        assert shown["modality"] == "text"
        closed = page.page.locator("#targets .closed")
        assert "may not find 'sensor'" in closed.first.inner_text()

        found.get_by_role("button", name="Why").click()
        page.has("#why", "What speaks for it")
        page.page.keyboard.press("Escape")
        found.get_by_role("button", name="More").click()
        page.has("#chips", shown["id"])
        page.cards()
        assert page.page.evaluate(FIRST)["modality"] == "vision"

        said("forget", shown["id"], "--yes")
        page.page.go_back()
        page.cards()
        hits = page.page.evaluate("[...document.querySelectorAll('article')].map(c => c.hit.id)")
        assert shown["id"] not in hits
        page.page.go_forward()
        page.has("#found .state", "no row of")

    lines = said("audit")
    assert {"search", "explain", "forget"} <= {line["action"] for line in lines}
    assert spaner("audit", "--verify", cwd=folder).returncode == 0
