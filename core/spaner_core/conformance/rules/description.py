"""Checks what a plugin says of itself before anything is built."""

from __future__ import annotations

import pluggy

from spaner_core.child_process import ask_child
from spaner_core.conformance.ask_second_process import LIMIT_S, other_hashes
from spaner_core.conformance.comparing import contents
from spaner_core.conformance.heavy_imports import HEAVY
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule, NotTried, left_to_others
from spaner_core.contract.hook_checks import contract_problems, implemented_hooks
from spaner_core.contract.modality import API_VERSION

FEWEST_INPUTS = 3


def check_hooks(subject: Subject) -> str:
    """The hooks are those of the contract: known, marked, complete, with its arguments."""
    problems = contract_problems(subject.plugin)
    try:
        _ = subject.hooks
    except pluggy.PluginValidationError as error:
        problems.append(" ".join(str(error).split()))
    if problems:
        raise BrokenRule(
            f"the hooks are not the contract's: {'; '.join(problems)}",
            "the required hooks, with the names and arguments of spaner_core.contract.hookspecs",
            "correct them",
        )
    return f"offers {len(implemented_hooks(subject.plugin))} hooks"


def check_description(subject: Subject) -> str:
    """The modality has its entry point's name, a one-line summary and lower-case suffixes."""
    given = subject.modality
    if given.api_version != API_VERSION:
        raise _misdescribed(
            f"version {given.api_version} of the contract", f"version {API_VERSION}"
        )
    if given.name != subject.name:
        raise _misdescribed(
            f"the name {given.name!r}", f"the name of its entry point, {subject.name!r}"
        )
    if not given.summary.strip() or len(given.summary.splitlines()) != 1:
        raise _misdescribed(f"the summary {given.summary!r}", "one line that is not blank")
    wrong = [s for s in given.suffixes if s != s.lower() or not s.startswith(".") or len(s) < 2]
    if wrong or isinstance(given.suffixes, str):
        raise _misdescribed(
            f"the suffixes {given.suffixes!r}", "a tuple of lower-case suffixes with their dot"
        )
    if not given.suffixes and not given.inline:
        raise _misdescribed("neither suffixes nor inline inputs", "at least one way to be read")
    return given.summary


def check_light_import(subject: Subject) -> str:
    """Importing the plugin and asking what it is loads no heavy library."""
    told = ask_child(
        "spaner_core.conformance.heavy_imports:answer",
        {"reference": subject.reference},
        time_limit_s=LIMIT_S,
        environment=other_hashes(),
    )
    if told.ended is not None:
        raise BrokenRule(
            f"a fresh process that asked what the plugin is {told.ended}",
            "an import that works anywhere",
            "look for what it takes from this process alone",
        )
    (loaded,) = told.answers
    if loaded:
        raise BrokenRule(
            f"asking what the plugin is loads {', '.join(loaded)}",
            f"an import of a plugin that loads none of {', '.join(HEAVY)}",
            "import them inside the hooks that need them",
        )
    return "loads no heavy library"


def check_examples(subject: Subject) -> str:
    """There are at least three example files or texts; no two are encoded alike."""
    examples = subject.examples
    count = len(examples.inputs)
    if count < FEWEST_INPUTS:
        raise BrokenRule(
            f"{count} example inputs were given",
            f"at least {FEWEST_INPUTS} that differ",
            "write more small ones",
        )
    _ = subject.windows
    rows = None
    with left_to_others(subject):  # the rule about features
        rows = subject.features
    if rows is None:
        raise NotTried("it needs features of the examples")
    kinds = {contents(list(pair)) for pair in zip(rows.values, rows.mask, strict=True)}
    if len(kinds) < count:
        raise BrokenRule(
            f"{count} example inputs have {len(kinds)} different features",
            "inputs whose features all differ",
            "choose inputs that the encoder tells apart",
        )
    tokens, spec = rows.mask.sum(dim=1), subject.built.encoder.features
    if spec.tokens is None and spec.grid is None and bool((tokens == tokens[0]).all()):
        raise BrokenRule(
            f"FeatureSpec says that the number of tokens varies, and each example has {tokens[0]}",
            "examples with different numbers of tokens: only then is anything padded",
            "write longer and shorter ones, or say in FeatureSpec how many tokens there are",
        )
    return f"{count} inputs, each with features of its own"


def _misdescribed(given: str, expected: str) -> BrokenRule:
    return BrokenRule(
        f"spaner_modality gives {given}", expected, "correct what spaner_modality returns"
    )
