"""Writes the embedded texts: names of concepts in phrases of five languages.

Everything is enumerated in a fixed order, nothing is drawn. Names are the same in every split
while templates are not, so test texts are unseen phrases around seen names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""In order of value, so that `DIGITS[7]` is the concept of a handwritten 7."""

ACTIVITIES = ("standing", "running", "walking", "badminton")
"""Digits have no sensor series and activities no images, on purpose: modalities that never met in
one concept still share a space, and some concepts are absent from a modality."""

CONCEPTS = DIGITS + ACTIVITIES
SPLITS = ("train", "validation", "test")

TEXTS_A_CONCEPT: Mapping[str, int] = {"train": 60, "validation": 15, "test": 25}

_BARE = "{name}"


@dataclass(frozen=True, kw_only=True)
class DemoText:
    """One text about one concept.

    `language` is that of the template; of a foreign name in an English phrase it is "en+de" and
    the like.
    """

    concept: str
    split: str
    language: str
    template: str
    name: str

    @property
    def text(self) -> str:
        """The template with the name put in."""
        return self.template.replace(_BARE, self.name)


def demo_texts() -> tuple[DemoText, ...]:
    """Give every text, by concept and split; no text occurs twice, whatever its case."""
    content = _content()
    chosen: list[DemoText] = []
    for group in ("digits", "activities"):
        for concept in content[group]["names"]:
            seen: set[str] = set()
            for split in SPLITS:
                candidates = _candidates(content, group=group, concept=concept, split=split)
                chosen += _first_unseen(candidates, count=TEXTS_A_CONCEPT[split], seen=seen)
    return tuple(chosen)


def label_texts() -> tuple[tuple[str, str], ...]:
    """Give (concept, name) for every concept in every language: what anchors are made from."""
    content = _content()
    return tuple(
        (concept, names[language])
        for group in ("digits", "activities")
        for concept, names in content[group]["names"].items()
        for language in content["languages"]
    )


def _content() -> dict[str, Any]:
    source = files("spaner.demo") / "data" / "texts.yaml"
    content: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return content


def _candidates(
    content: Mapping[str, Any], *, group: str, concept: str, split: str
) -> Iterator[DemoText]:
    """Texts of one concept, the plainest first: the quota of a split cuts off the last ones."""
    names: Mapping[str, str] = content[group]["names"][concept]
    extras: Mapping[str, Sequence[str]] = content[group]["extras"].get(concept, {})
    templates: Mapping[str, Sequence[str]] = content[group]["templates"][split]

    def text(language: str, template: str, name: str) -> DemoText:
        return DemoText(
            concept=concept, split=split, language=language, template=template, name=name
        )

    if split == "train":
        yield from (text(language, _BARE, name) for language, name in names.items())
        for language, words in extras.items():
            for word in words:
                yield text(language, _BARE, word)
                yield text(language, templates[language][0], word)
    for language, name in names.items():
        yield from (text(language, template, name) for template in templates[language])
    # English phrases around foreign names, so that a phrase does not give the language away;
    # the shift spreads the languages evenly however early the quota ends.
    foreign = [(language, name) for language, name in names.items() if language != "en"]
    for shift in range(len(foreign)):
        for place, template in enumerate(templates["en"]):
            language, name = foreign[(place + shift) % len(foreign)]
            yield text(f"en+{language}", template, name)


def _first_unseen(
    candidates: Iterator[DemoText], *, count: int, seen: set[str]
) -> Iterator[DemoText]:
    """Pass on the first `count` candidates whose text is not in `seen`, adding them to it."""
    for candidate in candidates:
        if count == 0:
            return
        key = candidate.text.casefold()
        if key not in seen:
            seen.add(key)
            count -= 1
            yield candidate
