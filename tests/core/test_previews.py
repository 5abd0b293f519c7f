from __future__ import annotations

import base64
import io

import pytest
from PIL import Image
from spaner_core.conformance.rules.previews import HOSTILE, page_problems
from spaner_core.contract.modality import LARGEST_PREVIEW, Preview
from spaner_core.previews.pages import LARGEST_SIDE, check_png, preview_html


def picture(width: int = 4, height: int = 3, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, format=kind)
    return file.getvalue()


def test_text_is_shown_as_it_was_written() -> None:
    assert preview_html(Preview(text="a < b & c")) == (
        "<figure><pre>a &lt; b &amp; c</pre></figure>"
    )


def test_an_image_is_embedded_with_its_text_as_caption() -> None:
    page = preview_html(Preview(text="<teal>", png=picture()))
    start = '<figure><img src="data:image/png;base64,'
    end = '" alt=""><figcaption>&lt;teal&gt;</figcaption></figure>'
    assert page.startswith(start)
    assert page.endswith(end)
    shown = base64.b64decode(page.removeprefix(start).removesuffix(end))
    assert Image.open(io.BytesIO(shown)).size == (4, 3)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("png", [None, picture()], ids=["text", "image"])
def test_no_text_gets_anything_else_onto_the_page(text: str, png: bytes | None) -> None:
    assert page_problems(preview_html(Preview(text=text, png=png)), text=text) == []


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<figure><script>x</script></figure>", "<script >"),
        ('<figure onclick="x">x</figure>', "<figure onclick>"),
        ('<img src="x" onerror="y">x', "<img onerror>"),
        ('<img src="javascript:x">x', "an image from elsewhere"),
        ('<img src="data:image/png;base64,aGk=">x', "no PNG"),
        ("<!-- hidden -->x", "a comment"),
        ("<pre>y</pre>", "its text reads 'y'"),
    ],
)
def test_a_page_that_holds_anything_else_is_found(page: str, problem: str) -> None:
    assert problem in "; ".join(page_problems(page, text="x"))


def damaged(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no PNG, or damaged"),
        (picture(kind="JPEG"), "no PNG, or damaged"),
        (picture()[:20], "no PNG, or damaged"),
        (picture()[:-1], "does not end as a PNG file does"),
        (picture()[:-12], "no PNG, or damaged"),
        (damaged(picture(), 18), "no PNG, or damaged"),
        (damaged(picture(), 50), "no PNG, or damaged"),
        (picture()[:33] + b"<script>alert(1)</script>", "no PNG, or damaged"),
        (picture() + b"<script>alert(1)</script>", "does not end as a PNG file does"),
        (picture()[:8] + picture()[33:], "no PNG, or damaged"),
        (picture()[:33] + picture()[-12:], "no PNG, or damaged"),
        (picture(LARGEST_SIDE + 1, 1), f"is {LARGEST_SIDE + 1} x 1 pixels"),
        (picture() + bytes(LARGEST_PREVIEW), "bytes; expected at most"),
    ],
    ids=[
        *("empty", "jpeg", "cut", "cut at the end", "without an end", "damaged", "damaged pixels"),
        *("script after header", "script at the end", "no header", "no pixels", "wide", "long"),
    ],
)
def test_an_image_that_is_no_usable_png_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        preview_html(Preview(png=content))


def test_size_is_read_from_the_header() -> None:
    assert check_png(picture(LARGEST_SIDE, 2)) == (LARGEST_SIDE, 2)


def test_an_empty_preview_is_refused_and_an_empty_text_is_not() -> None:
    with pytest.raises(ValueError, match="the preview is empty"):
        preview_html(Preview())
    assert preview_html(Preview(text="")) == "<figure><pre></pre></figure>"
