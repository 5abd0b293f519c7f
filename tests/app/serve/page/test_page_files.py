"""The files of the page: small, none missing, nothing that its policy forbids."""

from __future__ import annotations

import re
from importlib.resources import files

from spaner.serve.guard import POLICY

FOLDER = files("spaner.serve") / "page"
FILES = {entry.name: entry.read_bytes() for entry in FOLDER.iterdir() if entry.is_file()}
MOST_BYTES = 60 * 1024


def test_the_page_is_small() -> None:
    assert sum(map(len, FILES.values())) <= MOST_BYTES


def test_its_policy_lets_no_script_or_style_stand_in_the_page() -> None:
    assert POLICY.startswith("default-src 'self';")
    assert "unsafe" not in POLICY
    inline = rb"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)"
    assert re.search(inline, FILES["index.html"]) is None


def test_every_file_is_asked_for_and_every_one_asked_for_is_there() -> None:
    named = set(re.findall(rb'(?:src|href)="/page/([^"]+)"', FILES["index.html"]))
    for content in (FILES[name] for name in FILES if name.endswith(".js")):
        named |= set(re.findall(rb'from "\./([^"]+)"', content))
    assert {name.decode() for name in named} == set(FILES) - {"index.html"}
    assert not any(re.search(rb"https?://(?!www\.w3\.org)", one) for one in FILES.values())


def test_nothing_that_is_found_can_become_markup() -> None:
    risky = rb"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
    assert [name for name, content in FILES.items() if re.search(risky, content)] == []
