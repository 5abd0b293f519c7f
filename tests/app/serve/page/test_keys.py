"""The page by keyboard alone, by axe, at three widths, light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.app.serve.page.browsed import Browsed, browsed
from tests.app.serve.page.given import what
from tests.app.serve.services import Service

pytestmark = pytest.mark.slow

HIT = "document.activeElement.hit?.rank ?? null"
FOCUSED = "document.activeElement.id"


def test_all_can_be_done_by_keyboard(page: Browsed) -> None:
    keys = page.page.keyboard
    assert page.page.evaluate(FOCUSED) == "text", "one can type at once"
    keys.type("three")
    keys.press("Enter")
    page.cards()
    while page.page.evaluate(HIT) is None:
        keys.press("Tab")
    assert page.page.evaluate(HIT) == 1
    for key, rank in (("ArrowRight", 2), ("ArrowLeft", 1), ("End", 20), ("Home", 1)):
        keys.press(key)
        assert page.page.evaluate(HIT) == rank
    keys.press("ArrowDown")
    below = page.page.evaluate(HIT)
    assert below > 1
    keys.press("ArrowUp")
    assert page.page.evaluate(HIT) == 1
    assert page.page.locator("article[tabindex='0']").count() == 1, "one stop of the tab key"
    keys.press("w")
    page.shown("#why dl")
    keys.press("Escape")
    page.page.locator("#why").wait_for(state="hidden")
    assert page.page.evaluate(HIT) == 1, "back where it was"
    keys.press("x")
    page.has("#selection", "1 hit selected")
    keys.press("Escape")
    page.page.locator("#selection").wait_for(state="hidden")
    keys.press("m")
    page.shown("#chips li")
    page.cards()
    keys.press("/")
    assert page.page.evaluate(FOCUSED) == "text"
    keys.press("ArrowDown")
    assert page.page.evaluate(HIT) == 1
    keys.press("Escape")
    assert page.page.evaluate(FOCUSED) == "text"
    keys.press("Escape")
    page.shown("#samples")


def test_keys_switch_targets_but_not_while_one_types(page: Browsed) -> None:
    keys = page.page.keyboard
    pressed = "[...document.querySelectorAll('#targets button')].map(b => b.ariaPressed).join()"
    before = page.page.evaluate(pressed)
    keys.type("12")
    assert page.page.evaluate(pressed) == before
    page.page.focus("#help")
    keys.press("2")
    assert page.page.evaluate(pressed) != before
    keys.press("?")
    page.shown("#keys").get_by_role("checkbox").uncheck()
    before = page.page.evaluate(pressed)
    keys.press("Escape")
    page.page.focus("#help")
    keys.press("3")
    assert page.page.evaluate(pressed) == before, "single keys are off"


def test_space_plays_a_sound(page: Browsed) -> None:
    page.type("walking")
    page.cards().first.focus()
    page.shown("article .play")
    page.page.keyboard.press(" ")
    page.shown("article .play[aria-pressed=true]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1440])
def test_every_state_is_accessible_and_fits(
    browser: Browser, service: Service, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    with browsed(browser, service.url, viewport=size, color_scheme=scheme) as page:

        def check(state: str) -> None:
            assert page.violations() == [], state
            assert not page.too_wide(), state

        check("empty")
        page.type("three")
        page.cards().first.locator("img").wait_for()
        for name in ("Filters", "Use this elsewhere"):
            page.page.get_by_text(name, exact=True).click()
        check("hits")
        page.page.get_by_role("button", name="By modality").click()
        page.shown(".lane")
        page.page.locator("article input").first.check()
        check("lanes")
        page.page.get_by_role("button", name="Why").first.click()
        page.shown("#why dl")
        check("why")
        page.page.keyboard.press("Escape")
        page.page.get_by_role("button", name="Keys").click()
        check("keys")
        page.page.keyboard.press("Escape")
        page.type("a purple elephant")
        page.has("#found .state", "unlike everything")
        page.page.locator("#found summary").click()
        check("unfamiliar")
        page.give("drop", *what(service, "vision", "error"))
        page.shown("#chips [role=alert]")
        check("unreadable")
        page.give("drop", *what(service, "audio", "hit"))
        page.shown("#chips .preview img")
        page.has("#said", "hits")
        check("a recording")
        page.page.context.set_offline(True)
        page.type("four")
        page.has("#found .state", "The service is gone.")
        check("gone")
