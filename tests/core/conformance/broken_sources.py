"""Toys that take contents, objects, beginnings or parts of inputs otherwise than they should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from spaner_core import API_VERSION, Content, Part

from tests import toy_modality as toy
from tests.core.conformance.broken import toy_with, transform_with
from tests.core.conformance.broken_plugins import described

NEW = max(2, API_VERSION)
"""A version of the contract in which contents are read."""

EARLY = ("check_description",) if API_VERSION < NEW else ()


def sent(says: str, decode: Callable[[Any, Content], Any]) -> Any:
    """A toy that reads `Content` with `decode`, which is given the toy's own."""

    def read(own: Any, source: Any) -> Any:
        return decode(own, source) if isinstance(source, Content) else own(source)

    return toy_with(
        "check_sent_contents",
        says,
        also=EARLY,
        spaner_modality=described(api_version=NEW),
        spaner_build_transform=transform_with(decode=read),
    )


def by_name(own: Any, source: Content) -> Any:
    return [[[n * len(source.name) for n in t] for t in w] for w in own(source)]


by_their_name = sent("the bytes of numbers.toy give another sample than the file (it[0]", by_name)
not_at_all = sent("raised AttributeError: 'Content' object", lambda own, source: source.read_text())
in_one_window = sent("give another sample", lambda own, source: own(source)[:1])
carelessly = sent(
    "a random .toy file raises UnicodeDecodeError",
    lambda own, source: own(source.data.decode("utf-8")),
)


def taking(take: Callable[[Any], Any]) -> Callable[..., Any]:
    """A hook whose transform takes objects."""

    def spaner_build_transform(options: Any) -> Any:
        transform = transform_with()(options)
        transform.take = take
        return transform

    return spaner_build_transform


def toy_objects(*objects: Any) -> Callable[..., Any]:
    """A hook that gives the toy's examples, and objects."""
    return lambda folder: replace(toy.spaner_examples(folder), objects=objects)


def take_lists(value: Any) -> Any:
    return [[[float(n) for n in value]]] if isinstance(value, list) else None


def take_in_place(value: Any) -> Any:
    if type(value).__name__ == "ndarray":
        value *= 2
    return None


def take_numbers(value: Any) -> Any:
    return [[[float(n) for n in value[:3]]]] if type(value).__name__ == "ndarray" else value.rate


takes_in_place = toy_with(
    "check_taken_objects",
    "take changes an array (it)",
    spaner_build_transform=taking(lambda value: take_in_place(value) or take_lists(value)),
    spaner_examples=toy_objects([1, 2, 3]),
)
takes_anything = toy_with(
    "check_taken_objects",
    "take gives a sample for a plain object()",
    spaner_build_transform=taking(lambda value: [[[1.0, 2.0, 3.0]]]),
    spaner_examples=toy_objects([1, 2, 3]),
)
takes_without_looking = toy_with(
    "check_taken_objects",
    "raised AttributeError: 'tuple' object has no attribute 'rate'",
    spaner_build_transform=taking(lambda value: take_lists(value) or take_numbers(value)),
    spaner_examples=toy_objects([1, 2, 3]),
)
takes_untried = toy_with(
    "check_taken_objects",
    "the examples have no objects to try it on; expected at least one in Examples.objects",
    spaner_build_transform=taking(take_lists),
)
takes_none_of_its_own = toy_with(
    "check_taken_objects",
    "take gives None for example object 2, a tuple; expected a sample",
    spaner_build_transform=taking(take_lists),
    spaner_examples=toy_objects([1, 2, 3], (1, 2, 3)),
)
takes_another_kind = toy_with(
    "check_taken_objects",
    "take makes a tuple of example object 1, a list; expected what decode gives: list",
    spaner_build_transform=taking(lambda value: take_lists(value) and tuple(take_lists(value))),
    spaner_examples=toy_objects([1, 2, 3]),
)
takes_what_it_cannot_encode = toy_with(
    "check_taken_objects",
    "broken_sources.py, line",
    spaner_build_transform=taking(lambda value: value and value.rate),
    spaner_examples=toy_objects([1, 2, 3]),
)
takes_nan = toy_with(
    "check_taken_objects",
    "features of example object 1, a list are NaN or infinite",
    spaner_build_transform=taking(take_lists),
    spaner_examples=toy_objects([1, 2, float("nan")]),
)
objects_for_nobody = toy_with(
    "check_taken_objects",
    "1 example objects were given, and the transform has no take",
    spaner_examples=toy_objects([1, 2, 3]),
)

claims_everything = toy_with(
    "check_recognition",
    "noise with the suffix .no-such-format is recognised",
    spaner_recognise=lambda head, suffix: True,
)
knows_no_suffix = toy_with(
    "check_recognition",
    "numbers.toy is not recognised",
    spaner_recognise=lambda head, suffix: head.startswith(b"TOY"),
)
says_maybe = toy_with(
    "check_recognition",
    "spaner_recognise gives 0.5; expected True or False",
    spaner_recognise=lambda head, suffix: 0.5,
)


def tokens_of(sample: Any) -> list[Part]:
    return [Part(f"token {n + 1}", n) for n in range(sum(map(len, sample)))]


def zeroed(sample: Any, part: Part) -> Any:
    places = iter(range(1000))
    return [[[0.0] * 3 if next(places) == part.place else [*t] for t in w] for w in sample]


def parts_with(
    parts: Callable[[Any], Any] = tokens_of, without: Callable[[Any, Part], Any] = zeroed
) -> Callable[..., Any]:
    """A hook whose transform names parts, by default each token, and covers them."""

    def spaner_build_transform(options: Any) -> Any:
        transform = transform_with()(options)
        transform.parts, transform.without = parts, without
        return transform

    return spaner_build_transform


def cover_in_place(sample: Any, part: Part) -> Any:
    sample[0][0][0] = 0.5
    return zeroed(sample, part)


names_no_part = toy_with(
    "check_parts",
    "parts gives 'none'; expected spaner_core.Part, one at least",
    spaner_build_transform=parts_with(parts=lambda sample: []),
)
names_in_two_lines = toy_with(
    "check_parts",
    "each with a label in one line",
    spaner_build_transform=parts_with(parts=lambda sample: [Part("one\ntwo", 0)]),
)
names_texts = toy_with(
    "check_parts",
    "parts gives 'first'; expected spaner_core.Part",
    spaner_build_transform=parts_with(parts=lambda sample: ["first"]),
)
covers_in_place = toy_with(
    "check_parts",
    "parts or without changes the sample (it[0][0][0])",
    spaner_build_transform=parts_with(without=cover_in_place),
)
covers_nothing = toy_with(
    "check_parts",
    "features stay the same when 'token 1' and other parts are covered",
    spaner_build_transform=parts_with(without=lambda sample, part: zeroed(sample, Part("", -1))),
)
makes_another_kind = toy_with(
    "check_parts",
    "without makes a tuple of a list",
    spaner_build_transform=parts_with(without=lambda sample, part: tuple(zeroed(sample, part))),
)
