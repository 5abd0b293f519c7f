"""Rules about features being a function of the input and of nothing else."""

from __future__ import annotations

import torch

from spaner_core.conformance.comparing import check_same_features
from spaner_core.conformance.subject import Subject
from spaner_core.features.rows import FeatureRows


def check_features_at_every_call(subject: Subject) -> str:
    """The same inputs have the same features at every call, and when built anew."""
    for name, built in (("the next call", subject.built), ("a new encoder", subject.build())):
        check_same_features(
            built.features(subject.examples.inputs),
            subject.features,
            when=f"between one call and {name}",
            advice="draw nothing at random and keep nothing between calls",
        )
    return "the next call and a new encoder give the same"


def check_features_in_any_batch(subject: Subject) -> str:
    """An input has the same features alone and in batches of any size and padding."""
    sizes = range(1, len(subject.examples.inputs))
    for size in sizes:
        check_same_features(
            subject.built.features(subject.examples.inputs, batch_size=size),
            subject.features,
            when=f"between batches of {size} and of all together",
            advice="let no row see another, and mask the padding wherever tokens are mixed",
        )
    return f"batches of {', '.join(map(str, sizes))} and all"


def check_features_in_any_order(subject: Subject) -> str:
    """An input has the same features wherever it stands in the batch."""
    inputs = subject.examples.inputs
    places = torch.arange(len(inputs))
    for name, order in (("in reverse", places.flip(0)), ("shifted by one", places.roll(1))):
        check_same_features(
            subject.built.features([inputs[place] for place in order.tolist()]),
            subject.features.take(order),
            when=f"when the inputs come {name}",
            advice="give rows back in the order in which they came",
        )
    return "in reverse and shifted by one"


def check_features_in_a_second_process(subject: Subject) -> str:
    """The same inputs have the same features in a second process."""
    answer = subject.second_opinion
    given = FeatureRows(
        values=answer.tensor("values", part="features"), mask=answer.tensor("mask", part="features")
    )
    check_same_features(
        given,
        subject.features,
        when="in a second process",
        advice="let nothing decide them that a process has of its own, such as hash()",
    )
    return "the same in a process with other hashes of strings"
