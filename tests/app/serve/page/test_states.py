"""What stands in the way of an answer is said in words, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.app.serve.page.browsed import MOST_MS, Browsed
from tests.app.serve.services import Service, serving

pytestmark = pytest.mark.slow

TOKEN = "a-token-that-nobody-can-guess"


@contextmanager
def changed(path: Path, content: bytes | None) -> Iterator[None]:
    """Change a file, or take it away, and put it back."""
    before = path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def test_the_policy_closes_a_target_and_says_why(page: Browsed, service: Service) -> None:
    path = service.folder / "plugins.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["policy"] = {"links": {"text": ["vision", "text"]}}
    with changed(path, yaml.safe_dump(config).encode()):
        page.open()
        closed = page.page.locator("#targets .closed")
        assert closed.count() == 2
        assert "may not find 'audio'" in closed.first.inner_text()
        assert closed.first.get_by_role("button").get_attribute("aria-disabled") == "true"
        closed.first.get_by_role("button").click(force=True)
        page.type("three")
        page.cards()
        cards = "[...document.querySelectorAll('article')].map(card => card.hit.modality)"
        assert set(page.page.evaluate(cards)) == {"vision"}
        # a policy that changes after the page was opened binds too
        config["policy"] = {"links": {"text": []}}
        path.write_bytes(yaml.safe_dump(config).encode())
        page.type("four")
        page.has("#found .state", "The policy does not allow this.")
        page.has("#found .state", "may not find 'vision'")


def test_an_own_modality_has_no_calibration(page: Browsed) -> None:
    for name in ("vision", "audio", "sensor", "text"):
        page.target(name).click()
    page.type("three")
    page.has("#found", "spaner calibrate")
    said = page.cards().first.inner_text()
    assert "cosine" in said
    assert "%" not in said


def test_nothing_is_chosen(page: Browsed) -> None:
    for name in ("vision", "audio", "sensor"):
        page.target(name).click()
    page.type("three")
    page.has("#found .state", "Nothing is chosen to be found.")


def test_an_index_that_is_gone_names_the_command(page: Browsed, service: Service) -> None:
    with changed(service.folder / "space.index" / "audio.json", None):
        page.type("three")
        page.has("#found .state", "spaner index")
        page.open()
        page.has("#targets .closed", "spaner index")


def test_a_service_that_is_gone_can_be_asked_again(page: Browsed) -> None:
    page.page.context.set_offline(True)
    page.type("three")
    page.has("#found .state", "The service is gone.")
    page.page.context.set_offline(False)
    page.page.get_by_role("button", name="Try again").click()
    page.cards()


def test_a_file_that_is_too_large_is_not_sent(page: Browsed) -> None:
    page.page.evaluate(
        """() => {
          const given = new DataTransfer();
          given.items.add(new File([new Uint8Array(26 * 2 ** 20)], "large.png"));
          const how = { dataTransfer: given, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("drop", how));
        }"""
    )
    page.has("#chips [role=alert]", "large.png is too large: expected at most 17 MB")
    assert not any(one.endswith("/preview") for one in page.asked)


def test_a_long_search_shows_that_it_runs_and_can_be_cancelled(page: Browsed) -> None:
    page.page.route("**/search", lambda route: None)  # never answered
    page.type("three")
    page.shown(".skeleton")
    page.page.get_by_role("button", name="Cancel").click()
    page.has("#found .state", "Cancelled.")
    page.page.unroute("**/search")
    page.page.get_by_role("button", name="Search again").click()
    page.cards()


def test_a_token_is_asked_for_and_kept_for_the_tab(browser: Browser, service: Service) -> None:
    with (
        serving(service.folder, token=TOKEN, variables={"SPANER_TOKEN": TOKEN}) as closed,
        browser.new_context() as context,
    ):
        page = Browsed(context.new_page(), closed.url)
        page.page.goto(closed.url)
        for given in ("a wrong one", TOKEN):
            page.shown("#token-field").fill(given)
            page.page.get_by_role("button", name="Go on").click()
        page.type("three")
        page.cards().first.locator("img").wait_for()
        assert page.violations() == []
        page.page.reload()
        page.shown("#targets li")
        expect(page.page.locator("#token")).to_be_hidden(timeout=MOST_MS)
        assert not any(TOKEN in one for one in page.asked)
