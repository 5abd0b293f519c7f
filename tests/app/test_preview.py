from __future__ import annotations

import io
import json
import re
import subprocess
from base64 import b64decode
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]

DIGIT = "vision/test/digit-1401.png"


def first(folder: Path, pattern: str) -> str:
    return str(next(iter(sorted(folder.glob(pattern)))).relative_to(folder))


class Page(HTMLParser):
    """What a page shows and what it would fetch."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words, self.pictures, self.fetched = "", list[bytes](), list[str]()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href") and value is not None:
                start, _, content = value.partition("base64,")
                if start == "data:image/png;":
                    self.pictures.append(b64decode(content))
                else:
                    self.fetched.append(value)
        assert tag not in ("script", "iframe", "link")

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize(
    ("pattern", "modality", "words"),
    [
        ("vision/*/*.png", "vision", r"^8 x 8 pixels$"),
        ("audio/*/*/*.flac", "audio", r"^\d\.\d\d s, 16,000 Hz, peak -\d+ dB$"),
        ("sensor/*/*.csv", "sensor", r"^10 s, 100 steps at 10 Hz, 6 channels\nacc_x: "),
    ],
)
def test_a_file_is_recognised_and_shown(
    small_project: Path, spaner: Run, pattern: str, modality: str, words: str
) -> None:
    given = first(small_project, pattern)
    found = only_json(spaner("preview", given, "--json", cwd=small_project))
    assert (found["input"], found["modality"], found["page"]) == (given, modality, None)
    assert re.search(words, found["text"])
    picture = Path(found["picture"])
    with Image.open(picture) as image:
        assert max(image.size) <= 256
    picture.unlink()


def test_a_text_is_shown_as_it_is_without_steering_the_terminal(
    small_project: Path, spaner: Run
) -> None:
    result = spaner("preview", "a \x1b[31mcracked\x1b[0m <b>bearing</b>", cwd=small_project)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] == "a text, read as text"
    assert "<b>bearing</b>" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_page_holds_picture_and_words_and_fetches_nothing(
    small_project: Path, spaner: Run, tmp_path: Path
) -> None:
    given = first(small_project, "sensor/*/*.csv")
    output = tmp_path / "page.html"
    found = only_json(spaner("preview", given, "--output", output, "--json", cwd=small_project))
    assert (found["page"], found["picture"]) == (str(output), None)
    page = Page(output)
    (picture,) = page.pictures
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    assert page.fetched == []
    assert "100 steps at 10 Hz" in page.words
    assert Path(given).name in page.words
    again = spaner("preview", given, "--output", output, cwd=small_project)
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    assert spaner("preview", given, "--output", output, "--overwrite", cwd=small_project).stdout


def test_hostile_text_stays_text_on_a_page(
    small_project: Path, spaner: Run, tmp_path: Path
) -> None:
    hostile = '</pre><script>alert(1)</script><img src=x onerror="alert(1)">'
    result = spaner("preview", hostile, "--output", tmp_path / "p.html", cwd=small_project)
    assert result.returncode == 0, result.stderr
    page = Page(tmp_path / "p.html")
    assert hostile in page.words
    assert page.fetched == []


def test_a_document_that_two_could_read_asks_whose_it_is(
    small_project: Path, spaner: Run, tmp_path: Path
) -> None:
    document = tmp_path / "plan.pdf"
    Image.new("RGB", (300, 200), "teal").save(document)
    result = spaner("preview", document, cwd=small_project)
    assert result.returncode == 2
    assert "may be of text or vision; expected one modality; name it with --from" in result.stderr
    found = only_json(
        spaner("preview", f"{document}#page=1", "--from", "vision", "--json", cwd=small_project)
    )
    Path(found["picture"]).unlink()
    assert found["text"] == "1024 x 683 pixels"


def test_bytes_say_what_a_file_is_and_its_suffix_where_they_do_not(
    small_project: Path, spaner: Run, tmp_path: Path
) -> None:
    renamed = tmp_path / "picture.csv"
    renamed.write_bytes((small_project / first(small_project, "vision/*/*.png")).read_bytes())
    found = only_json(spaner("preview", renamed, "--json", cwd=small_project))
    Path(found["picture"]).unlink()
    assert found["modality"] == "vision"
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"no picture")
    result = spaner("preview", damaged, cwd=small_project)
    assert (result.returncode, "it is no picture" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.png",), "missing.png: no such file; correct the path"),
        (("vision/test",), "it is a folder; expected a file"),
        (("a text", "--from", "smell"), "smell"),
        (("a text", "--from", "vision"), "a text: there is no such file"),
        (("a text", "--output", "page.png"), "expected a file that ends in .html"),
        (("labels.csv", "--from", "text", "--output", "plugins.yaml"), "ends in .html"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(
    small_project: Path, spaner: Run, arguments: tuple[str, ...], message: str
) -> None:
    given, *flags = arguments
    result = spaner("preview", given, *flags, cwd=small_project)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_what_nobody_recognises_needs_a_name(
    small_project: Path, spaner: Run, tmp_path: Path
) -> None:
    log = tmp_path / "errors.log"
    log.write_text("all is well\n")
    result = spaner("preview", log, cwd=small_project)
    assert result.returncode == 2
    assert "expected an input of text, vision, audio, sensor" in result.stderr
    assert "with --from" in result.stderr


def only_json(result: Result) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
