"""What stands in the way of an answer is said in words, and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.app.serve.page.browsed import MOST_MS, Browsed, browsed
from tests.app.serve.services import Service, serving

pytestmark = pytest.mark.slow

Configure = Callable[..., None]
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
        closed.first.get_by_role("button").click()
        page.type("three")
        page.cards()
        assert "audio" not in {
            one.evaluate("card => card.hit.modality") for one in page.cards().all()
        }
        # a policy that changes after the page was opened binds too
        config["policy"] = {"links": {"text": []}}
        path.write_bytes(yaml.safe_dump(config).encode())
        page.type("four")
        page.has("#found .state", "The policy does not allow this.")
        page.has("#found .state", "may not find 'vision'")


def test_an_own_modality_has_no_calibration(page: Browsed) -> None:
    page.page.get_by_role("button", name="vision").click()
    for name in ("audio", "sensor"):
        page.page.get_by_role("button", name=name).click()
    page.page.get_by_role("button", name="text", exact=False).first.click()
    page.type("three")
    page.has("#found", "spaner calibrate")
    said = page.cards().first.inner_text()
    assert "cosine" in said
    assert "%" not in said


def test_nothing_is_chosen(page: Browsed) -> None:
    for name in ("vision", "audio", "sensor"):
        page.page.get_by_role("button", name=name).click()
    page.type("three")
    page.has("#found .state", "Nothing is chosen to be found.")


def test_an_index_that_is_gone_names_the_command(page: Browsed, service: Service) -> None:
    (folder,) = [one for one in service.folder.rglob("*.index*") if one.is_dir()]
    (path,) = [one for one in folder.iterdir() if "audio" in one.name]
    with changed(path, None):
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
    page.give("pick", "large.png", bytes(26 * 2**20))
    page.has("#chips [role=alert]", "too large")


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


def test_without_a_scripted_answer_nothing_is_said_of_the_token(
    browser: Browser, service: Service
) -> None:
    with browsed(browser, service.url) as page:
        assert not page.page.locator("#token").is_visible()
