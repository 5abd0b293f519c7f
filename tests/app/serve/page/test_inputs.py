"""Every modality, given in every way, with every outcome.

What is typed is a text; pictures, recordings and series come as files, and so may texts. The
demonstration has too few series to tell a strange one, or one without a match.
"""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.app.serve.page.browsed import Browsed
from tests.app.serve.page.given import TEXTS, what
from tests.app.serve.services import Service

pytestmark = pytest.mark.slow

SAYS = {
    "hit": "hits, best",
    "no match": "Nothing here is likely to fit.",
    "unfamiliar": "This is unlike everything that the space knows.",
    "error": "expected",
}
OUTCOMES = {
    "text": ("hit", "no match", "unfamiliar", "error"),
    "vision": ("hit", "no match", "unfamiliar", "error"),
    "audio": ("hit", "no match", "unfamiliar", "error"),
    "sensor": ("hit", "error"),
}


@pytest.mark.parametrize("how", ["drop", "paste", "pick"])
@pytest.mark.parametrize(
    ("modality", "outcome"), [(name, one) for name, some in OUTCOMES.items() for one in some]
)
def test_a_file_is_read_and_searched_by(
    page: Browsed, service: Service, modality: str, outcome: str, how: str
) -> None:
    page.give(how, *what(service, modality, outcome))
    said = page.answer()
    assert SAYS[outcome] in said or (outcome == "no match" and "cannot be told" in said), said
    if outcome != "error":
        assert page.page.locator("#chips select").input_value() == modality
        assert page.page.locator("#chips .preview").is_visible()


@pytest.mark.parametrize("outcome", ["hit", "no match", "unfamiliar"])
def test_a_text_is_typed(page: Browsed, outcome: str) -> None:
    page.page.fill("#text", TEXTS[outcome].decode())  # without Enter: a pause is enough
    assert SAYS[outcome] in page.answer()


def test_a_text_that_is_too_long_is_refused(page: Browsed) -> None:
    page.type("three " * 40_000)
    assert "at most 200000 characters" in page.answer()


def test_a_text_is_pasted_anywhere_and_dropped(page: Browsed) -> None:
    page.page.evaluate(
        """() => {
          document.activeElement.blur();
          const given = new DataTransfer();
          given.setData("text/plain", "walking");
          const how = { clipboardData: given, bubbles: true };
          document.body.dispatchEvent(new ClipboardEvent("paste", how));
        }"""
    )
    page.has("#said", "hits")
    assert page.page.input_value("#text") == "walking"


def test_one_that_two_may_read_is_asked_about_once(page: Browsed) -> None:
    plan = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(plan, format="PDF")
    page.give("drop", "plan.pdf", plan.getvalue())
    page.shown("#chips [role=group]").get_by_text("vision", exact=True).click()
    assert page.page.locator("#chips select").input_value() == "vision"
    page.answer()
    page.page.select_option("#chips select", "audio")
    assert "plan.pdf" in page.shown("#chips [role=alert]").inner_text()


def test_several_files_are_one_query(page: Browsed, service: Service) -> None:
    files = sorted((service.folder / "vision" / "test").iterdir())[:2]
    page.page.set_input_files("#file", [str(path) for path in files])
    page.answer()
    assert page.page.locator("#chips li").count() == 2
    page.page.get_by_label(f"Remove {files[0].name}").click()
    page.has("#said", "best")
    assert page.page.locator("#chips li").count() == 1


def test_a_sample_is_a_query(page: Browsed) -> None:
    samples = page.page.locator("#samples .sample")
    assert samples.count() == 12, "three a modality"
    samples.nth(4).click()
    page.cards()
    assert not page.page.locator("#samples").is_visible()
    assert page.page.locator("#chips li").inner_text().startswith("vision-")


def test_what_spells_a_row_comes_first(page: Browsed, service: Service) -> None:
    name = min((service.folder / "vision" / "test").iterdir()).name
    page.type(name)
    first = page.cards().first
    assert "exact name" in first.inner_text()
