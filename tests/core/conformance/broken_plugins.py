"""Toys that describe themselves, or their examples, against one rule each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spaner_core import Examples, Modality

from tests import toy_modality as toy
from tests.core.conformance.broken import toy_with


def described(**changed: Any) -> Callable[[], Modality]:
    told = {"name": "toy", "summary": "numbers", "api_version": 2, "suffixes": (".toy",)}
    return lambda: Modality(**{**told, "inline": True, **changed})


def examples(*inputs: str) -> Callable[[], Examples]:
    return lambda: Examples(inputs=inputs, changing={"width": 2})


misspelt = toy_with(
    "check_hooks",
    "unknown hook spaner_previw (did you mean spaner_preview?)",
    spaner_previw=lambda sample: None,
)
other_arguments = toy_with(
    "check_hooks",
    "are declared in the hookimpl but can not be found in the hookspec",
    spaner_preview=lambda sample, size: None,
)
incomplete = toy_with(
    "check_hooks",
    "required hooks are missing: spaner_build_transform",
    also=("check_examples",),
)
del incomplete.spaner_build_transform

other_name = toy_with(
    "check_description",
    "gives the name 'numbers'; expected the name of its entry point, 'toy'",
    spaner_modality=described(name="numbers"),
)
two_lines = toy_with(
    "check_description",
    "the summary 'numbers\\nin rows'; expected one line",
    spaner_modality=described(summary="numbers\nin rows"),
)
upper_case = toy_with(
    "check_description", "the suffixes ('.TOY',)", spaner_modality=described(suffixes=(".TOY",))
)
without_dot = toy_with(
    "check_description", "the suffixes ('toy',)", spaner_modality=described(suffixes=("toy",))
)
cannot_be_read = toy_with(
    "check_description",
    "neither suffixes nor inline inputs",
    spaner_modality=described(suffixes=(), inline=False),
)
other_version = toy_with(
    "check_description",
    "gives version 1 of the contract; expected version 2",
    spaner_modality=described(api_version=1),
)
of_another_kind = toy_with(
    "check_description",
    "gives a dict; expected a spaner_core.Modality",
    spaner_modality=lambda: {"name": "toy"},
)


def heavy_description() -> Modality:
    import torch

    assert torch.__version__
    return toy.spaner_modality()


def lost_description() -> Modality:
    import sys

    if "pytest" not in sys.modules:
        raise RuntimeError("only where pytest runs")
    return toy.spaner_modality()


heavy = toy_with(
    "check_light_import", "loads torch, numpy; expected", spaner_modality=heavy_description
)
of_one_process = toy_with(
    "check_light_import",
    "asked what the plugin is ended with exit code 1; its last line: RuntimeError: only where",
    spaner_modality=lost_description,
)

no_examples = toy_with("check_examples", "spaner_examples gave None; expected an answer")
del no_examples.spaner_examples
other_examples = toy_with(
    "check_examples",
    "spaner_examples gives a list; expected a spaner_core.Examples",
    spaner_examples=lambda: ["1 2 3", "4 5 6", "7 8 9"],
)
two_examples = toy_with(
    "check_examples",
    "2 example inputs were given; expected at least 3",
    spaner_examples=examples("1 2 3", "4 5 6; 1 1 1"),
)
twins = toy_with(
    "check_examples",
    "3 example inputs have 2 different features",
    spaner_examples=examples("1 2 3", "4 5 6; 1 1 1", "1.0 2.0 3.0"),
)
unreadable = toy_with(
    "check_examples",
    "the example 'one' is refused (could not convert",
    spaner_examples=examples("1 2 3", "4 5 6", "one"),
)


def unlisted_file(folder: Path) -> Examples:
    return Examples(inputs=toy.spaner_examples(folder).inputs)


def listed_twice(folder: Path) -> Examples:
    inputs = toy.spaner_examples(folder).inputs
    return Examples(inputs=inputs, changing={"width": 2}, neutral={"width": 3})


def unknown_listed(folder: Path) -> Examples:
    inputs = toy.spaner_examples(folder).inputs
    return Examples(inputs=inputs, changing={"width": 2, "depth": 1})


not_listed = toy_with("check_options_are_listed", "width unlisted", spaner_examples=unlisted_file)
twice = toy_with("check_options_are_listed", "width listed twice", spaner_examples=listed_twice)
no_option = toy_with(
    "check_options_are_listed",
    "depth unknown",
    also=("check_changing_options",),
    spaner_examples=unknown_listed,
)
