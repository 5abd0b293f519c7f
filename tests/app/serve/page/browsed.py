"""The page in a browser: what people do with it, and what it shows them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

MOST_MS = 30_000
GIVE = """
([how, name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const given = new DataTransfer();
  given.items.add(new File([bytes], name));
  const event = how === "drop"
    ? new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: given, bubbles: true, cancelable: true });
  document.querySelector("#text").dispatchEvent(event);
}
"""


class Browsed:
    """A page of the service; `asked` are the addresses that it has asked for."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.asked: list[str] = []
        self.wrong: list[str] = []
        page.set_default_timeout(MOST_MS)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda told: self._hear(told.type, told.text))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith("Failed to load resource"):  # refused answers
            self.wrong.append(text)

    def open(self, address: str = "") -> None:
        self.page.goto(self.url + "/" + address)
        self.shown("#targets li")

    def shown(self, selector: str) -> Locator:
        """Wait until something is shown; returns the first."""
        found = self.page.locator(selector).first
        found.wait_for()
        return found

    def type(self, text: str) -> None:
        self.page.fill("#text", text)
        self.page.press("#text", "Enter")

    def give(self, how: str, name: str, data: bytes) -> None:
        """Give a file: `how` is drop, paste or pick."""
        if how == "pick":
            file: Any = {"name": name, "mimeType": "", "buffer": data}
            self.page.set_input_files("#file", file)
        else:
            self.page.evaluate(GIVE, [how, name, base64.b64encode(data).decode()])

    def give_file(self, path: Path, how: str = "pick") -> None:
        self.give(how, path.name, path.read_bytes())

    def answer(self) -> str:
        """Wait for an answer or a refusal; returns what is said."""
        self.settle()
        self.shown("#found article, #found .state, #chips [role=alert]")
        for selector in ("#chips [role=alert]", "#found .state"):
            found = self.page.locator(selector)
            if found.count():
                return found.first.inner_text()
        return self.page.locator("#said").inner_text()

    def settle(self) -> None:
        """Wait until nothing is read or searched any more."""
        expect(self.page.locator("#results")).to_have_attribute(
            "aria-busy", "false", timeout=MOST_MS
        )

    def cards(self) -> Locator:
        self.settle()
        self.shown("#found article")
        return self.page.locator("#found article")

    def has(self, selector: str, text: str) -> None:
        """Wait until something says a text."""
        expect(self.page.locator(selector).first).to_contain_text(text, timeout=MOST_MS)

    def violations(self) -> list[str]:
        """Ask axe what is not accessible, by its rules for WCAG A and AA and good practice."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]

    def target(self, name: str) -> Locator:
        """The toggle of a modality to find."""
        return self.page.locator("#targets").get_by_role("button", name=name)

    def too_wide(self) -> bool:
        found: bool = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return found


@contextmanager
def browsed(browser: Browser, url: str, **how: Any) -> Iterator[Browsed]:
    """Open the page; `how` is for the browser's context."""
    context = browser.new_context(**how)
    page = Browsed(context.new_page(), url)
    try:
        page.open()
        yield page
        elsewhere = [one for one in page.asked if not one.startswith((url, "data:", "blob:"))]
        assert elsewhere == [], "it asked elsewhere"
        assert page.wrong == []
    finally:
        context.close()
