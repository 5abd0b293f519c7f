"""Files of text as people have them: encodings, PDFs, and what is wrong with either."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core import OptionError, UnusableInput

from tests.plugins.pdf_files import encrypted, pdf_of

TEXT = "un café, número siete… 七"
PAGES = ("first page: un caf\xe9", "", "third page")


@pytest.fixture
def text(load: Callable[[str], Any]) -> Any:
    return load("text")


@pytest.fixture
def decode(text: Any) -> Callable[..., str]:
    return lambda source, **options: str(text.build(options)[1].decode(source))


@pytest.fixture
def check(text: Any) -> Callable[..., None]:
    def check(source: Path | str, **options: object) -> None:
        text.build(options)[1].check_header(source)

    return check


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("suffix", [".txt", ".md", ".TXT"])
def test_unicode_is_read_whatever_its_mark(
    decode: Callable[..., str], check: Callable[..., None], tmp_path: Path, encoding: str,
    suffix: str,
) -> None:  # fmt: skip
    file = tmp_path / f"a file\n🙂{suffix}"
    file.write_bytes(TEXT.encode(encoding))
    check(file)
    assert decode(file) == TEXT


def test_utf_16_of_either_order_is_read(decode: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "big.txt"
    file.write_bytes(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert decode(file) == TEXT


def test_a_name_that_is_not_unicode_is_read(decode: Callable[..., str], tmp_path: Path) -> None:
    file = Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.txt"))
    file.write_text(TEXT, encoding="utf-8")
    assert decode(file) == TEXT


def test_lines_end_alike_wherever_they_were_written(
    decode: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(b"one\r\ntwo\rthree\nfour")
    assert decode(file) == "one\ntwo\nthree\nfour"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_another_encoding_is_read_when_it_is_named(
    decode: Callable[..., str], check: Callable[..., None], tmp_path: Path, encoding: str
) -> None:
    file = tmp_path / "old.txt"
    file.write_bytes("un café".encode(encoding))
    with pytest.raises(UnusableInput, match=r"byte 6 is not UTF-8.*latin-1 say, under encoder:"):
        decode(file)
    check(file, encoding=encoding)
    assert decode(file, encoding=encoding) == "un café"


def test_a_mark_says_more_than_the_option(decode: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "new.txt"
    file.write_bytes(TEXT.encode("utf-8-sig"))
    assert decode(file, encoding="latin-1") == TEXT


@pytest.mark.parametrize("encoding", ["utf8", "UTF-8", "Utf_8"])
def test_an_encoding_has_one_name_in_fingerprints(text: Any, encoding: str) -> None:
    usual, changed = text.build()[1], text.build({"encoding": "latin-1"})[1]
    assert text.build({"encoding": encoding})[1].fingerprint == usual.fingerprint
    assert changed.fingerprint != usual.fingerprint


@pytest.mark.parametrize("encoding", ["latin-eins", "base64", "rot13", ""])
def test_an_encoding_that_there_is_not_is_refused(text: Any, encoding: str) -> None:
    with pytest.raises(OptionError, match=r"encoding is .*expected one that Python knows"):
        text.build({"encoding": encoding})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"caf\xe9 au lait", "byte 3 is not UTF-8"),
        (b"\xef\xbb\xbfcaf\xe9", "byte 6 is not UTF-8"),
        (b"\xff\xfea\x00b", "byte 4 is not UTF-16-LE"),
        ("no mark".encode("utf-16-le"), "character 2 is NUL.*UTF-16"),
        ("no mark".encode("utf-32"), "NUL"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "byte 0 is not UTF-8"),
        ("\ud83d".encode("utf-8", "surrogatepass"), "byte 0 is not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_at_first_sight(
    decode: Callable[..., str], check: Callable[..., None], tmp_path: Path, content: bytes,
    message: str,
) -> None:  # fmt: skip
    file = tmp_path / "bad.md"
    file.write_bytes(content)
    for read in (check, decode):
        with pytest.raises(UnusableInput, match=message) as caught:
            read(file)
        assert "\n" not in str(caught.value)


def test_the_beginning_alone_is_looked_at(
    decode: Callable[..., str], check: Callable[..., None], tmp_path: Path
) -> None:
    """A long file whose first part ends within a letter, and whose last byte is wrong."""
    file = tmp_path / "long.txt"
    file.write_bytes(b"a" + "é".encode() * 100_000 + b"\xe9")
    check(file)
    with pytest.raises(UnusableInput, match="byte 200001 is not UTF-8"):
        decode(file)


@pytest.mark.parametrize("given", ["half of a \ud83d letter", "", " \n"])
def test_texts_that_are_none_are_refused(
    decode: Callable[..., str], check: Callable[..., None], given: str
) -> None:
    for read in (check, decode):
        with pytest.raises(UnusableInput, match=r"not Unicode|empty"):
            read(given)


def test_a_missing_file_and_a_folder_are_refused(
    decode: Callable[..., str], check: Callable[..., None], tmp_path: Path
) -> None:
    for name in ("missing.txt", "missing.pdf"):
        for read in (check, decode):
            with pytest.raises(UnusableInput, match=r"no such file"):
                read(tmp_path / name)
    for name in ("folder.txt", "folder.pdf"):
        (tmp_path / name).mkdir()
        with pytest.raises(UnusableInput, match=r"a folder"):
            decode(tmp_path / name)


def test_the_pages_of_a_pdf_are_joined(
    text: Any, decode: Callable[..., str], check: Callable[..., None], tmp_path: Path
) -> None:
    file = tmp_path / "paper.PDF"
    file.write_bytes(pdf_of(PAGES))
    check(file)
    assert decode(file).split("\n") == ["first page: un café", "", "third page"]
    from_file, inline = text.tokens([file, "first page: un café third page"])
    assert torch.equal(from_file, inline)


def test_a_pdf_that_needs_no_password_to_be_read_is_read(
    decode: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "open.pdf"
    file.write_bytes(encrypted(pdf_of(PAGES), password=""))
    assert "third page" in decode(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encrypted(pdf_of(PAGES), password="secret"), "encrypted .it needs a password"),
        (b"", "damaged"),
        (b"no PDF at all", "damaged"),
        (pdf_of(PAGES)[:300], "damaged"),
        (pdf_of([]), "no page"),
    ],
    ids=["locked", "empty", "text", "cut", "no pages"],
)
def test_pdfs_that_cannot_be_read_are_refused_at_first_sight(
    decode: Callable[..., str], check: Callable[..., None], tmp_path: Path, content: bytes,
    message: str,
) -> None:  # fmt: skip
    file = tmp_path / "bad.pdf"
    file.write_bytes(content)
    for read in (check, decode):
        with pytest.raises(UnusableInput, match=message) as caught:
            read(file)
        assert "\n" not in str(caught.value)


def test_a_scan_is_refused_with_what_to_do(
    decode: Callable[..., str], check: Callable[..., None], tmp_path: Path
) -> None:
    file = tmp_path / "scan.pdf"
    file.write_bytes(pdf_of(["", ""]))
    check(file)  # only the pages themselves tell
    with pytest.raises(UnusableInput, match=r"none of the PDF's pages .2. has text.*OCR"):
        decode(file)


def test_slight_damage_is_read_past_without_a_word(
    decode: Callable[..., str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "worn.pdf"
    file.write_bytes(pdf_of(PAGES).replace(b"startxref\n", b"startxref\n9"))
    assert "third page" in decode(file)
    assert capfd.readouterr() == ("", "")


def test_hashed_words_refuse_a_book_that_would_fill_the_memory(text: Any) -> None:
    with pytest.raises(UnusableInput, match="1000000 words; expected at most 50000"):
        text.tokens(["word " * 1_000_000])
