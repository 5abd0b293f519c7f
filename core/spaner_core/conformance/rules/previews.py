"""Checks previews, which stand on pages beside other people's data."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from html.parser import HTMLParser
from unicodedata import category

from spaner_core.conformance.comparing import contents, difference
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.modality import Preview
from spaner_core.contract.transform import Sample
from spaner_core.errors import UnusableInput
from spaner_core.previews.pages import check_png, preview_html

ALLOWED = {
    "figure": set[str](),
    "figcaption": set[str](),
    "pre": set[str](),
    "img": {"src", "alt"},
}
SHOWN = 5
"""Control characters that a message names."""

IMAGE = "data:image/png;base64,"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</pre></figure><iframe src=//example.invalid>",
    "'-alert(1)-' &lt;b&gt; &#60;i&#62;",
    "\x1b]0;title\x07\x1b[31mred\x9b2J",
)


def check_preview(subject: Subject) -> str:
    """A preview is text or PNG, safe on a page whatever the sample says, which stays as it is."""
    shown = 0
    for sample in _samples(subject):
        before = contents(sample)
        preview = subject.ask("spaner_preview", sample=sample)
        if (place := difference(sample, before)) is not None:
            raise BrokenRule(
                f"spaner_preview changes the sample that it shows ({place})",
                "what is passed in to be left as it is",
                "work on a copy, and avoid operations in place",
            )
        if preview is None:
            continue
        shown += 1
        if not isinstance(preview, Preview):
            raise BrokenRule(
                f"spaner_preview gave a {type(preview).__name__}",
                "a spaner_core.Preview",
                "return one, or None",
            )
        _check_text(preview.text or "")
        _check_page(preview)
    return f"{shown} previews, safe on a page" if shown else "offers none"


def _samples(subject: Subject) -> Iterator[Sample]:
    yield from subject.samples()
    for text in HOSTILE if subject.modality.inline else ():
        try:
            yield subject.built.transform.decode(text)
        except UnusableInput:
            continue  # what is refused is never shown


def _check_text(text: str) -> None:
    steering = sorted({repr(c) for c in text if category(c) in ("Cc", "Cs") and c not in "\n\t"})
    if steering:
        raise BrokenRule(
            f"a preview's text has the control characters {', '.join(steering[:SHOWN])}",
            "none but line breaks and tabs: a terminal obeys them",
            "replace them",
        )


def _check_page(preview: Preview) -> None:
    try:
        page = preview_html(preview)
    except ValueError as error:
        raise BrokenRule(
            f"a preview cannot be shown ({error})", "text or a PNG image", "correct spaner_preview"
        ) from error
    problems = page_problems(page, text=preview.text or "")
    if problems:
        raise BrokenRule(
            f"a preview puts more on the page than itself ({'; '.join(problems)})",
            f"only {', '.join(ALLOWED)}",
            "report it: the page is written by spaner_core.previews.pages",
        )


def page_problems(page: str, *, text: str) -> list[str]:
    """Read a page as a browser does; name all in it but allowed elements around `text`."""
    reader = _PageReader()
    reader.feed(page)
    reader.close()
    misread = [f"its text reads {reader.text!r}"] if reader.text != text else []
    return reader.problems + misread


class _PageReader(HTMLParser):
    """Collects a page's text and notes what may not be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Allow a few elements with their attributes, and images that are PNG."""
        unknown = [name for name, _ in attrs if name not in ALLOWED.get(tag, ())]
        if tag not in ALLOWED or unknown:
            self.problems.append(f"<{tag} {' '.join(unknown)}>")
        elif tag == "img":
            self._check_source(dict(attrs).get("src") or "")

    def handle_data(self, data: str) -> None:
        """Collect what is read as text."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """Allow no comment."""
        self.problems.append("a comment")

    def _check_source(self, source: str) -> None:
        if not source.startswith(IMAGE):
            self.problems.append("an image from elsewhere")
            return
        try:
            check_png(base64.b64decode(source.removeprefix(IMAGE), validate=True))
        except (binascii.Error, ValueError) as error:
            self.problems.append(str(error))
