"""Rules about what using an encoder must leave as it is."""

from __future__ import annotations

from spaner_core.conformance.broken_rule import BrokenRule
from spaner_core.conformance.contents import Leaf, contents, difference
from spaner_core.conformance.process_state import watched
from spaner_core.conformance.subject import Subject


def check_inputs_are_kept(subject: Subject) -> str:
    """Preparing leaves the sample as it is, encoding leaves the prepared inputs as they are."""
    built = subject.built
    for source in subject.examples.inputs:
        sample = built.transform.decode(source)
        before = contents(sample)
        windows = list(built.transform.prepare(sample))
        _check_kept(sample, before, doing="prepare", what="the sample")
        before = contents(windows)
        built.encoder(built.encoder.collate(windows))
        _check_kept(windows, before, doing="encoding", what="the prepared inputs")
    return "samples and prepared inputs are left alone"


def _check_kept(value: object, before: tuple[Leaf, ...], *, doing: str, what: str) -> None:
    place = difference(value, before)
    if place is not None:
        raise BrokenRule(
            f"{doing} changes {what} ({place})",
            "what is passed in to be left as it is",
            "work on a copy, and avoid operations in place",
        )


def check_process_state(subject: Subject) -> str:
    """Building, reading and encoding leave random numbers and the process's settings alone."""
    inputs = subject.examples.inputs
    subject.build().features(inputs)  # what libraries set once, when imported, is not counted
    with watched(subject.settings) as changed:
        subject.build().features(inputs)
    if changed:
        raise BrokenRule(
            f"using the encoder changes {', '.join(changed)}",
            "nothing of the process to depend on whether features are extracted or stored already",
            "use a torch.Generator of your own, torch.random.fork_rng(), and no global setting",
        )
    return "random numbers, settings, folder and environment are left alone"
