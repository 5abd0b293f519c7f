from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from spaner_core.conformance.comparing import contents, difference, forms


@dataclass
class Recording:
    samples: Any
    rate_hz: int = 8000


SAMPLES: dict[str, tuple[Any, Any, str]] = {
    "text": ("one", "two", "it"),
    "tensor": (torch.zeros(2, 3), torch.ones(2, 3), "it"),
    "half": (torch.zeros(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16), "it"),
    "array": (np.zeros(3), np.array([0, 0, 1.0]), "it"),
    "image": (Image.new("RGB", (4, 5)), Image.new("RGB", (4, 5), "red"), "it"),
    "object": (Recording(torch.zeros(3)), Recording(torch.ones(3)), "it.samples"),
    "rate": (Recording(None, 8000), Recording(None, 16000), "it.rate_hz"),
    "dict": ({"a": [1, 2]}, {"a": [1, 3]}, "it['a'][1]"),
    "longer": ([1, 2], [1, 2, 3], "it"),
    "not a number": ([float("nan")], [0.0], "it[0]"),
}


@pytest.mark.parametrize(("one", "other", "place"), SAMPLES.values(), ids=SAMPLES)
def test_a_difference_is_found_at_its_place(one: Any, other: Any, place: str) -> None:
    assert difference(one, contents(other)) == place
    assert difference(copy.deepcopy(one), contents(one)) is None


def test_what_is_overwritten_in_place_is_noticed() -> None:
    windows = [torch.zeros(2, 2), torch.zeros(1, 2)]
    before = contents(windows)
    windows[1][0, 1] = 1
    assert difference(windows, before) == "it[1]"


def test_a_sample_that_holds_itself_is_read_once() -> None:
    sample: list[Any] = [1]
    sample.append(sample)
    assert difference(sample, contents(sample)) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("short", "a longer text", True),
        ("1", 1, False),
        (Recording(torch.zeros(3)), Recording(torch.ones(3)), True),
        (Recording(torch.zeros(3)), Recording(torch.zeros(4)), False),
        (Image.new("RGB", (4, 5)), Image.new("RGB", (5, 4)), False),
        (Image.new("L", (4, 5)), Image.new("RGB", (4, 5)), False),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64), False),
    ],
)
def test_form_is_type_and_shape_and_not_what_is_in_it(one: Any, other: Any, same: bool) -> None:
    assert (forms(one) == forms(other)) is same
