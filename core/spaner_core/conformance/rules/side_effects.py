"""Checks that using an encoder leaves the process as it was."""

from __future__ import annotations

from spaner_core.conformance.comparing import Leaf, contents, difference
from spaner_core.conformance.process_state import watched
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule

SHOWN = 60
"""Signs of what was printed that a message quotes."""


def check_inputs_are_kept(subject: Subject) -> str:
    """Preparing leaves the sample as it is, encoding leaves the prepared inputs as they are."""
    built = subject.built
    for sample in subject.samples():
        before = contents(sample)
        windows = list(built.transform.prepare(sample))
        _check_kept(sample, before, doing="prepare", what="the sample")
        before = contents(windows)
        built.encode_raw(windows)
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
    _ = subject.features  # what libraries set once, when imported, is not counted
    with watched(subject.settings) as changed:
        subject.build().features(inputs)
    if changed:
        raise BrokenRule(
            f"using the encoder changes {', '.join(changed)}",
            "nothing of the process to depend on whether features are extracted or stored already",
            "use a torch.Generator of your own, torch.random.fork_rng(), and no global setting",
        )
    return "random numbers, settings, folder and environment are left alone"


def check_imports_in_a_second_process(subject: Subject) -> str:
    """Importing the plugin's own modules changes nothing of the process, as use does not."""
    changed = subject.second_opinion.word("changed", part="imports")
    if changed:
        raise BrokenRule(
            f"importing the plugin's own modules changes {changed}",
            "nothing of the process to depend on which modalities a space has",
            "set nothing at the top of a module; in a function, set it for as long as it is needed",
        )
    return "what belongs to the process is left alone"


def check_prints_in_a_second_process(subject: Subject) -> str:
    """Nothing is printed to standard output, from import to preview."""
    printed = subject.second_opinion.printed.split()
    if printed:
        words = " ".join(printed)
        raise BrokenRule(
            f"{words[:SHOWN]!r} is printed to standard output",
            "nothing there: a command's answer is read from it by other programs",
            "use logging.getLogger(__name__), which goes to standard error",
        )
    return "silent"
