"""Reads which emoji there are, their subgroups, English names and keywords.

Debian's packages unicode-data and unicode-cldr-core bring the two files.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

TABLE = Path("/usr/share/unicode/emoji/emoji-test.txt")
ANNOTATIONS = Path("/usr/share/unicode/cldr/common/annotations/en.xml")

GROUPS = ("Animals & Nature", "Food & Drink", "Travel & Places", "Activities", "Objects")
"""Groups that show things; faces, hands, people, signs and flags are left out."""

PRESENTATION = 0xFE0F  # asks for the coloured picture; fonts have it under the bare character


class Emoji(NamedTuple):
    """One emoji: its character, Unicode subgroup, name and keywords, and split."""

    character: str
    subgroup: str
    name: str
    keywords: tuple[str, ...]
    split: str = ""

    @property
    def item(self) -> str:
        """The code point as Unicode writes it, in lower case for file names."""
        return f"u{ord(self.character):04x}"

    def text(self, form: str) -> str:
        """Put name and keywords into a form; the name alone where there are no keywords."""
        keywords = ", ".join(self.keywords)
        return form.format(name=self.name, keywords=keywords) if keywords else self.name


def read_emoji(pictured: Container[str]) -> list[Emoji]:
    """Read the emoji of one code point that are `pictured`, have a name and keywords."""
    names: dict[str, str] = {}
    keywords: dict[str, list[str]] = {}
    for note in ElementTree.parse(ANNOTATIONS).iter("annotation"):
        character, text = note.attrib["cp"], note.text or ""
        if note.get("type") == "tts":
            names[character] = text
        else:
            keywords[character] = text.split(" | ")
    return [
        Emoji(
            character,
            subgroup,
            names[character],
            tuple(word for word in keywords[character] if word != names[character]),
        )
        for character, subgroup in _characters()
        if character in names and character in keywords and character in pictured
    ]


def _characters() -> Iterator[tuple[str, str]]:
    """Give the emoji of one code point of `GROUPS`, each with its subgroup, in Unicode's order."""
    group = subgroup = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("# group: "):
            group = line.removeprefix("# group: ")
        elif line.startswith("# subgroup: "):
            subgroup = line.removeprefix("# subgroup: ")
        elif "; fully-qualified" in line and group in GROUPS:
            points = [int(point, 16) for point in line.partition(";")[0].split()]
            bare = [point for point in points if point != PRESENTATION]
            if len(bare) == 1:
                yield chr(bare[0]), subgroup
