"""Damages a tenth of the project, and says where: labels, files, partners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spaner.demo.factory.units import SEED, Unit

WRONG, UNREADABLE, MISSING = 0.04, 0.02, 0.04
"""Shares: of the training rows that can be read, whose concept is another's; of each modality's
files; of each modality's units, which have no row in it."""

LIKELY = 0.5
"""Share of the wrong labels that name a product of the same family."""

WRONG_LABEL, BROKEN = "wrong label", "unreadable"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row to be written: what it shows, what its label says, and what is wrong with it."""

    modality: str
    path: str
    unit: Unit
    view: str = ""
    concept: str
    mess: str = ""


def with_mess(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries without those that are missing, the damaged ones marked.

    No unit lacks two modalities, and no row is damaged twice.
    """
    random = np.random.default_rng([SEED, 1])
    left = _without_missing(entries, random)
    spoilt = _unreadable(left, random)
    left = [replace(entry, mess=BROKEN) if entry in spoilt else entry for entry in left]
    return _mislabelled(left, random)


def spoil(content: bytes, modality: str, *, turn: int) -> bytes:
    """Return what is left of a file, in a way that happens to such files.

    `turn`, from 0, chooses it; only the first is empty, so that no two are the same.
    """
    if turn == 0:
        return b""
    if modality == "sensor":  # the logger wrote a word where a reading was lost
        lines = content.split(b"\n")
        lines[len(lines) // 2] = b"0.1,FAULT,0.1"
        return b"\n".join(lines)
    if modality == "text":  # saved by a program that writes no plain text
        return b"\x00\x01DOC\x00" + content[:200].replace(b" ", b"\x00")
    cut_off = content[: len(content) // 3]
    return cut_off if turn % 2 else b"<html>404 not found, request %d</html>" % turn


def _without_missing(entries: Sequence[Entry], random: np.random.Generator) -> list[Entry]:
    units = sorted({entry.unit.number for entry in entries})
    modalities = list(dict.fromkeys(entry.modality for entry in entries))
    count = round(MISSING * len(units))
    drawn = random.choice(units, size=(count * len(modalities)), replace=False)
    lacking = {
        (modality, int(number))
        for place, modality in enumerate(modalities)
        for number in drawn[place * count : (place + 1) * count]
    }
    return [entry for entry in entries if (entry.modality, entry.unit.number) not in lacking]


def _unreadable(entries: Iterable[Entry], random: np.random.Generator) -> set[Entry]:
    by_modality: Mapping[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_modality[entry.modality].append(entry)
    return {
        files[int(place)]
        for files in by_modality.values()
        for place in random.choice(len(files), size=round(UNREADABLE * len(files)), replace=False)
    }


def _mislabelled(entries: list[Entry], random: np.random.Generator) -> list[Entry]:
    places = [
        place
        for place, entry in enumerate(entries)
        if entry.unit.split == "train" and not entry.mess
    ]
    products = {entry.concept: entry.unit.product.family for entry in entries}
    marked = list(entries)
    for place in random.choice(places, size=round(WRONG * len(places)), replace=False):
        entry = entries[int(place)]
        others = [concept for concept in products if concept != entry.concept]
        family = entry.unit.product.family
        near = [concept for concept in others if products[concept] == family]
        chosen = near if near and random.random() < LIKELY else others
        wrong = chosen[int(random.integers(len(chosen)))]
        marked[int(place)] = replace(entry, concept=wrong, mess=WRONG_LABEL)
    return marked
