"""Checks that using a plugin leaves the process as it was."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from spaner_core.conformance.comparing import Leaf, contents, difference
from spaner_core.conformance.process_state import watched
from spaner_core.conformance.rules.corruptions import SEVERITIES, offered_corruptions
from spaner_core.conformance.rules.parts import chosen_parts
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule, left_to_others
from spaner_core.contract.transform import HasParts, TakesObjects

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
    """Using any hook or method leaves random numbers and the process's settings alone."""
    _ = subject.features  # what libraries set once, when imported, is not counted
    for what, use in _uses(subject).items():
        for _ in range(2):  # what only some hook imports is imported the first time
            with watched(subject.settings) as changed, left_to_others(subject):
                use()
        if changed:
            raise BrokenRule(
                f"{what} changes {', '.join(changed)}",
                "nothing of the process to depend on what was used of the plugin before",
                "use a torch.Generator of your own, torch.random.fork_rng(), and no global setting",
            )
    return "random numbers, settings, folder and environment are left alone"


def _uses(subject: Subject) -> dict[str, Callable[[], object]]:
    """Name all that the product does with a plugin once its encoder is there, and do it."""
    spec, transform = subject.built.encoder.features, subject.built.transform
    uses: dict[str, Callable[[], object]] = {
        "using the encoder": lambda: subject.build().features(subject.examples.inputs),
        "building the aligner or its reader": lambda: subject.build_aligner(spec),
        "applying corruptions": lambda: [
            corruption.apply(sample, severity=SEVERITIES[-1], seed=0)
            for corruption in offered_corruptions(subject)
            for sample in subject.samples()
        ],
        "spaner_preview": lambda: [
            subject.ask("spaner_preview", sample=sample) for sample in subject.samples()
        ],
        "spaner_recognise": lambda: subject.ask("spaner_recognise", head=b"", suffix=None),
    }
    if isinstance(transform, TakesObjects):
        objects = subject.examples.objects
        uses["take"] = lambda: [transform.take(deepcopy(value)) for value in objects]
    if isinstance(transform, HasParts):
        uses["parts or without"] = lambda: [
            transform.without(sample, part)
            for sample in subject.samples()
            for part in chosen_parts(transform.parts(sample))
        ]
    return uses


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
