"""A question is kept in the address, filtered by columns, and said for use elsewhere."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app.serve.page.browsed import MOST_MS, Browsed
from tests.app.serve.services import Service

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]
HITS = "[...document.querySelectorAll('article')].map(card => card.hit)"


def test_the_address_holds_the_question_and_back_works(page: Browsed) -> None:
    page.type("three")
    page.target("audio").click()
    page.cards().first.get_by_role("button", name="More").click()
    page.shown("#chips li")
    page.cards()
    page.page.go_back()
    expect(page.page.locator("#text")).to_have_value("three", timeout=MOST_MS)
    page.has("#said", "hits")
    assert page.target("audio").get_attribute("aria-pressed") == "false"
    kept = page.page.evaluate("location.hash")
    page.page.goto("about:blank")
    page.open(kept)
    page.cards()
    assert page.page.input_value("#text") == "three"
    assert page.target("audio").get_attribute("aria-pressed") == "false"
    assert not any("three" in one for one in page.asked), (
        "what is asked is in no address that is sent"
    )


def test_a_file_is_there_on_the_way_back_but_not_in_the_address(
    page: Browsed, service: Service
) -> None:
    page.give_file(min((service.folder / "vision" / "test").iterdir()))
    page.cards()
    page.page.get_by_label("Remove digit").click()
    page.shown("#samples")
    page.page.go_back()
    page.shown("#chips li")
    page.cards()
    page.page.reload()
    page.has("#found .state", "The file is not there any more.")


def test_filters_are_chosen_from_the_columns_and_taken_off(page: Browsed) -> None:
    page.type("three")
    page.cards()
    page.page.focus("#help")
    page.page.keyboard.press("f")
    page.page.select_option("[name=column]", "split")
    offered = page.page.evaluate(
        "[...document.querySelectorAll('#values option')].map(o => o.text)"
    )
    assert any(re.fullmatch(r"test \(\d+\)", one) for one in offered)
    page.page.fill("[name=value]", "test")
    page.page.keyboard.press("Enter")
    page.has("#where", "split = test")
    page.settle()
    assert {Path(hit["input"]).parts[1] for hit in page.page.evaluate(HITS)} == {"test"}
    page.page.get_by_label("Remove split = test").click()
    page.settle()
    assert {Path(hit["input"]).parts[1] for hit in page.page.evaluate(HITS)} > {"train"}


def test_a_filter_that_cannot_be_is_refused(page: Browsed) -> None:
    page.open("#q=three&where=split+%3C+5")
    page.has("#found .state", "have no order")


def test_the_same_is_said_for_the_command_line_and_for_curl(
    page: Browsed, service: Service, spaner: Run
) -> None:
    page.open("#q=it's+a+three&off=audio&off=sensor&where=split+%3D+test")
    page.cards()
    shown = [hit["id"] for hit in page.page.evaluate(HITS)]
    page.page.get_by_text("Use this elsewhere").click()
    command, curl, _ = page.page.locator("pre").all_inner_texts()
    done = spaner(*shlex.split(command)[1:], "--json", cwd=service.folder)
    assert [hit["id"] for hit in json.loads(done.stdout)] == shown
    asked = subprocess.run(["bash", "-c", f"{curl} --silent"], capture_output=True, check=True)
    assert [hit["id"] for hit in json.loads(asked.stdout)["hits"]] == shown
