"""Checks a plugin's own reader, and one that reads names of concepts."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor

from spaner_core.conformance.comparing import check_same_numbers
from spaner_core.conformance.rules.batches import pad_rows
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.modality import LabelAligner
from spaner_core.contract.options import OptionError
from spaner_core.features.rows import FeatureRows, load_in_batches
from spaner_core.method.prompt import anchors_from_labels
from spaner_core.method.readers import build_reader

USUAL = "takes core's: the mean of the tokens, or what its own aligner does"


def check_reader(subject: Subject) -> str:
    """A reader gives each row one vector as wide as it says, whatever other rows or padding."""
    reading = subject.reading
    if reading is None:
        return USUAL
    alone = [_read(reading.reader, row) for row in load_in_batches(subject.features, size=1)]
    check_same_numbers(
        torch.cat(alone),
        reading.vectors,
        what="what is read",
        when="when rows come one at a time",
        advice="let no row see another",
    )
    padded = pad_rows(subject)
    if padded is not None:
        known = _read(reading.reader, padded.plain)
        for which, rows in padded.others.items():
            check_same_numbers(
                _read(reading.reader, rows),
                known,
                what="what is read",
                when=which,
                advice="multiply by the mask, and divide by the number of real tokens",
            )
    return f"{reading.reader.name!r}, {reading.reader.width} numbers a row"


def _read(reader: Any, rows: FeatureRows) -> Tensor:
    """Read rows to vectors, (n, P), without gradients."""
    with torch.no_grad():
        vectors: Tensor = reader(rows.values, rows.mask)
    return vectors


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


def check_labels(subject: Subject) -> str:
    """A modality that embeds the names of concepts has a reader and starts from their map."""
    if not subject.modality.embeds_labels:
        return "does not embed the names of concepts"
    if not subject.modality.inline:
        raise BrokenRule(
            "embeds_labels is true and inline is false",
            "names of concepts to be inputs themselves",
            "set inline, or leave embeds_labels out",
        )
    fitted = subject.fit()
    aligner: Any = fitted.aligner
    if not isinstance(aligner, LabelAligner):
        raise BrokenRule(
            f"embeds_labels is true and the aligner is a {type(aligner).__name__}",
            "an aligner with reader and start_from",
            "build spaner_core.CrossAttentionAligner, or leave embeds_labels out",
        )
    read = _read_names(aligner, fitted.rows)
    before = fitted.align().direction
    made = anchors_from_labels(
        read,
        dim=fitted.anchors.shape[1],
        whitening=0.1,
        generator=torch.Generator().manual_seed(0),
    )
    aligner.start_from(made.label_map)
    if torch.equal(fitted.align().direction, before):
        raise BrokenRule(
            "start_from changes no direction",
            "the linear map to start at the map that made the anchors",
            "set the weight of the layer that the embedding passes through",
        )
    return f"names are read to {aligner.reader.width} numbers"


def _read_names(aligner: LabelAligner, names: FeatureRows) -> Tensor:
    """Return what the reader gives for `names`, (n, P), which is to be as wide as it says."""
    read, width = aligner.reader(names.values, names.mask).detach(), aligner.reader.width
    if read.shape != (len(names), width) or not torch.isfinite(read).all():
        raise BrokenRule(
            f"the reader gives {tuple(read.shape)}",
            f"finite ({len(names)}, {width}), as its width says",
            "correct the reader or its width",
        )
    return read
