"""Checks a plugin's own reader, which takes tokens to one vector."""

from __future__ import annotations

import json

import torch

from spaner_core.conformance.comparing import check_same_numbers
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.options import OptionError
from spaner_core.features.rows import load_in_batches
from spaner_core.method.readers import build_reader

USUAL = "takes core's: the mean of the tokens, or what its own aligner does"


def check_reader(subject: Subject) -> str:
    """A reader gives each row one vector as wide as it says, whatever other rows there are."""
    reading = subject.reading
    if reading is None:
        return USUAL
    with torch.no_grad():
        alone = [
            reading.reader(row.values, row.mask)
            for row in load_in_batches(subject.features, size=1)
        ]
    check_same_numbers(
        torch.cat(alone),
        reading.vectors,
        what="what is read",
        when="when rows come one at a time",
        advice="let no row see another",
    )
    return f"{reading.reader.name!r}, {reading.reader.width} numbers a row"


def check_recorded_reader(subject: Subject) -> str:
    """A reader is built again from the name and options that a space records of it."""
    reading = subject.reading
    if reading is None:
        return USUAL
    reader = reading.reader
    recorded = {"name": reader.name, **reader.options}
    try:
        stored = json.loads(json.dumps(recorded))
    except (TypeError, ValueError):
        stored = None
    if stored != recorded or not isinstance(reader.name, str) or not reader.name:
        raise BrokenRule(
            f"the reader's name and options are {recorded!r}",
            "a name, and options that JSON gives back as they are",
            "use texts, numbers, lists and None",
        )
    try:
        again = build_reader(
            subject.built.encoder.features,
            stored,
            own=lambda features, given: subject.ask(
                "spaner_build_reader", features=features, options=given
            ),
        )
        same = (dict(again.options), again.width) == (dict(reader.options), reader.width)
    except OptionError:
        same = False
    if not same:
        raise BrokenRule(
            f"spaner_build_reader with {recorded!r} gives another reader",
            "the one that a space recorded",
            "read the options that the hook is given; empty ones ask for the usual reader",
        )
    return f"recorded as {recorded}"
