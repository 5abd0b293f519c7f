"""Checks that features depend on the input and on nothing else."""

from __future__ import annotations

import torch

from spaner_core.conformance.comparing import check_same_features, features_difference
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import NotTried
from spaner_core.features.rows import FeatureRows

BATCH = 64
"""Windows in a batch when features are extracted; a search encodes one."""


OTHERWISE = (
    "takes the inputs one at a time and the last first, and has another home, working folder, time "
    "zone, locale and environment"
)
"""What differs in the second process, but for the hashes of texts."""


def check_features_at_every_call(subject: Subject) -> str:
    """The same inputs have the same features at every call, whichever encoder saw what before."""
    known, inputs, other = subject.features, subject.examples.inputs, subject.build()
    other.features(inputs[-1:])
    encoders = {
        "one call and the next": subject.built,
        "one encoder and a new one": subject.build(),
        "an encoder and one that saw another input first": other,
    }
    for name, built in encoders.items():
        check_same_features(
            built.features(inputs),
            known,
            when=f"between {name}",
            advice="draw nothing at random, fit nothing to inputs and keep nothing between calls",
        )
    return "the next call and new encoders give the same"


def check_features_in_any_batch(subject: Subject) -> str:
    """An input has the same features alone and in batches of any size and padding."""
    known, built, inputs = subject.features, subject.built, subject.examples.inputs
    advice = "let no row see another, and mask the padding wherever tokens are mixed"
    sizes = range(1, len(inputs))
    for size in sizes:
        check_same_features(
            built.features(inputs, batch_size=size),
            known,
            when=f"between batches of {size} and of all together",
            advice=advice,
        )
    windows = subject.windows
    places = torch.arange(BATCH) * len(windows) // BATCH  # each several times, in order
    check_same_features(
        built.encode([windows[place] for place in places.tolist()]),
        built.encode(windows).take(places),
        when=f"between batches of {BATCH} windows and of {len(windows)}",
        advice=advice,
    )
    return f"batches of {', '.join(map(str, sizes))}, all and {BATCH}"


def check_features_in_any_order(subject: Subject) -> str:
    """An input has the same features wherever it stands in the batch."""
    known, built, windows = subject.features, subject.built, subject.windows
    advice = "give rows back in the order in which they came"
    backwards = torch.arange(len(known)).flip(0)
    check_same_features(
        built.features(subject.examples.inputs[::-1]),
        known.take(backwards),
        when="when the inputs come in reverse",
        advice=advice,
    )
    # extraction sorts windows by length, which may hide the fault: here a batch is as it is given
    in_order, places = built.encode(windows), torch.arange(len(windows))
    for name, order in (("in reverse", places.flip(0)), ("shifted by one", places.roll(1))):
        check_same_features(
            built.encode([windows[place] for place in order.tolist()]),
            in_order.take(order),
            when=f"when the inputs come {name}",
            advice=advice,
        )
    return "in reverse and shifted by one"


def check_features_in_a_second_process(subject: Subject) -> str:
    """The same inputs have the same features in a second process, whatever comes first there."""
    answer = subject.second_opinion
    given = FeatureRows(
        values=answer.tensor("values", part="features"), mask=answer.tensor("mask", part="features")
    )
    one_by_one = subject.built.features(subject.examples.inputs, batch_size=1)
    if features_difference(one_by_one, subject.features) is not None:
        raise NotTried("it needs features that are the same in any batch")
    check_same_features(
        given,
        subject.features,
        when=f"in a second process, which {OTHERWISE}",
        advice="let none of these decide them, nor hash() of a text",
    )
    return "the same in a process with other hashes of strings and another order"
