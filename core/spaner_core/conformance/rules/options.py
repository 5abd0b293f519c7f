"""Checks options and the fingerprints that stand for them."""

from __future__ import annotations

import re
from collections.abc import Callable

from spaner_core.conformance.built_encoder import Built
from spaner_core.conformance.comparing import check_same_features, features_difference
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.error_lines import with_place
from spaner_core.contract.options import OptionError
from spaner_core.errors import DataError

UNKNOWN = "no_such_option"
_SHA256 = re.compile("[0-9a-f]{64}")


def check_unknown_options(subject: Subject) -> str:
    """Encoder, transform and aligner refuse an option that they do not know."""
    encoder, spec = subject.built.raw, subject.built.encoder.features
    wrong = {**subject.examples.options, UNKNOWN: 1}
    calls: dict[str, Callable[[], object]] = {
        "spaner_build_encoder": lambda: subject.require("spaner_build_encoder", options=wrong),
        "spaner_build_transform": lambda: subject.build_transform(encoder, wrong),
        "spaner_build_aligner": lambda: subject.build_aligner(spec, **{UNKNOWN: 1}),
    }
    if "options" not in subject.arguments("spaner_build_transform"):
        del calls["spaner_build_transform"]  # it sees none, and the encoder has refused them
    for hook, call in calls.items():
        _refusal(hook, call)
    return f"refused by {', '.join(calls)}"


def _refusal(hook: str, call: Callable[[], object]) -> OptionError:
    """Return the `OptionError` with which a hook refuses."""
    try:
        call()
    except OptionError as error:
        return error
    except (Exception, SystemExit) as error:
        given = f"{hook} refuses the option {UNKNOWN!r} with {with_place(error)}"
    else:
        given = f"{hook} takes the option {UNKNOWN!r}"
    raise BrokenRule(
        given, "a spaner_core.OptionError", "read options with spaner_core.read_options"
    )


def check_options_are_listed(subject: Subject) -> str:
    """The examples name every option of the encoder, as changing features or as neutral."""
    wrong = {**subject.examples.options, UNKNOWN: 1}
    refusal = _refusal(
        "spaner_build_encoder", lambda: subject.require("spaner_build_encoder", options=wrong)
    )
    changing, neutral = set(subject.examples.changing), set(subject.examples.neutral)
    problems = {
        "unlisted": refusal.known - changing - neutral,
        "unknown": (changing | neutral) - refusal.known,
        "listed twice": changing & neutral,
    }
    said = [f"{', '.join(sorted(names))} {what}" for what, names in problems.items() if names]
    if said:
        raise BrokenRule(
            f"in the examples' options, {' and '.join(said)}",
            "each option of the encoder once, under changing or neutral",
            "list it with a value other than the one built with",
        )
    return f"{len(refusal.known)} options: {len(changing)} changing, {len(neutral)} neutral"


def check_fingerprints(subject: Subject) -> str:
    """Fingerprints are SHA-256 and the same when encoder and transform are built again."""
    known, again = subject.built.fingerprints, subject.build().fingerprints
    for name, first, second in zip(("encoder", "transform"), known, again, strict=True):
        if not isinstance(first, str) or not _SHA256.fullmatch(first):
            raise BrokenRule(
                f"the {name}'s fingerprint is {first!r}",
                "64 lower-case hexadecimal digits",
                "use spaner_core.fingerprint_options or fingerprint_module",
            )
        if first != second:
            raise BrokenRule(
                f"the {name}'s fingerprint is another when it is built again",
                "the same for the same options and weights",
                "put nothing of the moment into it",
            )
    return f"{known[0][:12]} and {known[1][:12]}"


def check_fingerprints_in_a_second_process(subject: Subject) -> str:
    """Fingerprints are the same in a second process."""
    names = ("encoder", "transform")
    for name, known in zip(names, subject.built.fingerprints, strict=True):
        given = subject.second_opinion.word(name, part="fingerprints")
        if given != known:
            raise BrokenRule(
                f"the {name}'s fingerprint is {given[:12]} in a second process, {known[:12]} here",
                "the same, or stored features are never found again",
                "put nothing into it that a process has of its own, such as hash() or id()",
            )
    return "the same in both"


def check_changing_options(subject: Subject) -> str:
    """Each option that changes features changes a fingerprint."""
    known, changing = subject.built.fingerprints, subject.examples.changing
    idle = []
    for name, value in changing.items():
        built = subject.build(**{name: value})
        if built.fingerprints == known:
            raise BrokenRule(
                f"{name}: {value!r} leaves the fingerprints of encoder and transform as they are",
                "a changed one: features of other options would be taken for these",
                "let the fingerprint cover the option, or list it as neutral",
            )
        if not _changes_features(built, subject):
            idle.append(name)
    said = f"{len(changing)} in a fingerprint" if changing else "has none"
    # not a fault: what an option does may show in rare inputs alone, such as those with gaps
    return f"{said}; no example shows what {', '.join(idle)} does" if idle else said


def _changes_features(built: Built, subject: Subject) -> bool:
    """Tell whether another encoder encodes the examples otherwise; refusing one is so too."""
    try:
        given = built.features(subject.examples.inputs)
    except DataError:
        return True
    return features_difference(given, subject.features) is not None


def check_neutral_options(subject: Subject) -> str:
    """Neutral options change neither fingerprints nor features."""
    neutral = subject.examples.neutral
    for name, value in neutral.items():
        built = subject.build(**{name: value})
        if built.fingerprints != subject.built.fingerprints:
            raise BrokenRule(
                f"{name}: {value!r} changes a fingerprint, although it is listed as neutral",
                "the same fingerprints: features would be extracted again for nothing",
                "leave it out of the fingerprint, or list it as changing",
            )
        check_same_features(
            built.features(subject.examples.inputs),
            subject.features,
            when=f"with {name}: {value!r}, which is listed as neutral",
            advice="list it as changing and let the fingerprint cover it",
        )
    return f"{len(neutral)} change nothing" if neutral else "has none"
