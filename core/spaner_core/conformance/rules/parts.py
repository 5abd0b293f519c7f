"""Checks the parts of a sample, and samples without one."""

from __future__ import annotations

from collections.abc import Sequence

from spaner_core.conformance.comparing import contents, difference, features_difference, not_finite
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.transform import HasParts, Part, Sample
from spaner_core.errors import UnusableInput

MOST = 4
"""Parts of a sample that are covered: the first ones and the last."""


def check_parts(subject: Subject) -> str:
    """Each part has a label; covering it keeps the sample and changes features, to finite ones."""
    transform = subject.built.transform
    if not isinstance(transform, HasParts):
        return "offers none"
    count = 0
    for sample in subject.samples():
        before = contents(sample)
        parts = transform.parts(sample)
        _check_labels(parts)
        moved = [_moves(subject, transform, sample, part) for part in chosen_parts(parts)]
        if (place := difference(sample, before)) is not None:
            raise BrokenRule(
                f"parts or without changes the sample ({place})",
                "what is passed in to be left as it is",
                "work on a copy",
            )
        _check_all_covered(subject, transform, sample, parts)
        if len(parts) > 1 and not any(moved):
            raise BrokenRule(
                f"features stay the same when {parts[0].label!r} and other parts are covered",
                "others, wherever there was something",
                "let without cover the part, and prepare see that",
            )
        count += len(parts)
    return f"{count} in {len(subject.examples.inputs)} inputs"


def _check_all_covered(
    subject: Subject, transform: HasParts, sample: Sample, parts: Sequence[Part]
) -> None:
    """Cover one part after the other: what is left is a constant, as silence and standstill are."""
    built, covered = subject.built, sample
    try:
        for part in parts:
            covered = transform.without(covered, part)
        rows = built.encode(list(built.transform.prepare(covered)))
    except UnusableInput:
        return
    if not_finite(rows.values) is not None:
        raise BrokenRule(
            "features of a sample of which every part is covered are NaN or infinite",
            "finite ones also where an input is constant (silence, a blank page, standing still)",
            "look for a division by a spread, a length or a sum that may be 0",
        )


def _check_labels(parts: Sequence[Part]) -> None:
    wrong = [p for p in parts if not isinstance(p, Part) or not str(p.label).strip()]
    wrong += [p for p in parts if isinstance(p, Part) and not str(p.label).isprintable()]
    if wrong or not parts:
        raise BrokenRule(
            f"parts gives {wrong[0] if wrong else 'none'!r}",
            "spaner_core.Part, one at least, each with a label in one line",
            "name what people see: a word, a place, a time",
        )


def chosen_parts(parts: Sequence[Part]) -> list[Part]:
    """Choose the first parts and the last one."""
    return [*parts[: MOST - 1], *parts[MOST - 1 :][-1:]]


def _moves(subject: Subject, transform: HasParts, sample: Sample, part: Part) -> bool:
    """Cover a part; tell whether features change, or are no longer there."""
    covered = transform.without(sample, part)
    if type(covered) is not type(sample):
        raise BrokenRule(
            f"without makes a {type(covered).__name__} of a {type(sample).__name__}",
            "a sample of the same kind, ready for prepare",
            "bring it back to what it was",
        )
    built = subject.built
    try:
        given = built.encode(list(built.transform.prepare(covered)))
    except UnusableInput:
        return True
    known = built.encode(list(built.transform.prepare(sample)))
    return len(given) != len(known) or features_difference(given, known) is not None
