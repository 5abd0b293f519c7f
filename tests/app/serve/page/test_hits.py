"""What people do with hits: look, ask why, go on from one or several, listen, see more."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.app.serve.page.browsed import MOST_MS, Browsed
from tests.app.serve.services import Service

pytestmark = pytest.mark.slow


def test_a_card_shows_the_row_and_what_it_is_worth(page: Browsed, service: Service) -> None:
    page.type("three")
    cards = page.cards()
    found = service.search({"text": "three"}, to="vision,audio,sensor", k=20)["hits"]
    assert cards.count() == 20
    said = cards.first.inner_text()
    assert found[0]["id"] in said
    assert "almost certain" in said
    assert ">0.99" in said, "never 1.00"
    picture = cards.first.locator("img")
    expect(picture).to_have_attribute("alt", "vision: 8 x 8 pixels", timeout=MOST_MS)
    assert picture.evaluate("image => image.naturalWidth") in range(1, 257)
    assert "20 hits, best >0.99" in page.page.locator("[role=status]").first.inner_text()


def test_modalities_are_one_list_or_a_list_each(page: Browsed) -> None:
    page.type("three")
    page.cards()
    page.page.get_by_role("button", name="By modality").click()
    page.has(".lane h2", "vision")
    lanes = page.page.locator(".lane")
    assert [lane.locator("h2").inner_text().split("\n")[0] for lane in lanes.all()] == [
        "vision",
        "audio",
        "sensor nothing likely to fit",
    ]
    assert lanes.nth(1).locator("article").count() == 5
    page.page.get_by_role("button", name="Show more").click()
    expect(lanes.nth(1).locator("article")).to_have_count(10, timeout=MOST_MS)


def test_more_hits_come_on_demand_and_never_more_than_200(page: Browsed) -> None:
    page.type("three")
    page.cards()
    more = page.page.get_by_role("button", name="Show more")
    for count in range(40, 201, 20):
        more.click()
        expect(page.page.locator("article")).to_have_count(count, timeout=MOST_MS)
        focused = page.page.evaluate("document.activeElement.hit?.rank")
        assert focused == count - 19, "the first new one"
    assert not more.count()


def test_words_of_the_query_are_lit_up_in_texts(page: Browsed) -> None:
    page.page.locator("#targets button").first.click()
    page.type("three")
    page.page.get_by_role("button", name="By modality").click()
    page.shown(".lane mark")
    assert page.page.locator(".lane mark").first.inner_text().lower() == "three"


def test_why_says_it_in_bars_that_add_up_and_in_parts(page: Browsed, service: Service) -> None:
    page.give_file(min((service.folder / "vision" / "test").iterdir()))
    page.cards().first.get_by_role("button", name="Why").click()
    why = page.shown("#why dl")
    said = page.page.locator("#why").inner_text()
    shares = re.findall(r"(\d+)%", said)
    assert 99 <= sum(map(int, shares)) <= 101
    for part in ("row ", "word ", "cosine", "pull strength", "prove"):
        assert part in said
    page.page.keyboard.press("Escape")
    why.wait_for(state="hidden")


def test_a_hit_becomes_the_query_by_button_and_by_drag(page: Browsed) -> None:
    page.type("three")
    first = page.cards().first
    name = page.page.evaluate("document.querySelector('article').hit.id")
    first.get_by_role("button", name="More").click()
    page.has("#chips", name)
    page.cards()
    assert page.page.input_value("#text") == ""
    name = page.page.evaluate("document.querySelector('article').hit.id")
    page.cards().first.drag_to(page.page.locator("#box"))
    page.has("#chips", name)


def test_several_selected_hits_are_one_query(page: Browsed) -> None:
    page.type("three")
    cards = page.cards()
    for place in (0, 2):
        cards.nth(place).get_by_role("checkbox").check()
    page.has("#selection", "2 hits selected")
    page.page.get_by_role("button", name="More like these").click()
    expect(page.page.locator("#chips li")).to_have_count(2, timeout=MOST_MS)
    page.has("#said", "hits")
    page.cards().first.get_by_role("button", name="Why").click()
    page.has("#why", "one query alone")


def test_a_sound_is_played_and_stopped(page: Browsed) -> None:
    page.type("walking")
    listen = page.cards().first.get_by_role("button", name="Play")
    listen.click()
    expect(listen).to_have_attribute("aria-pressed", "true")
    assert any("/sounds/audio/" in one for one in page.asked)
    listen.click()
    expect(listen).to_have_attribute("aria-pressed", "false")
