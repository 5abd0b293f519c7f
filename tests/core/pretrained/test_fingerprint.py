from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch
from spaner_core.pretrained.fingerprint import (
    fingerprint_module,
    fingerprint_options,
    fingerprint_tensors,
)
from torch import Tensor, nn

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}


@dataclass(frozen=True, kw_only=True)
class Options:
    width: int = 3
    kind: str = "x"


@pytest.mark.parametrize(
    "changed",
    [
        {**WEIGHTS, "a": WEIGHTS["a"] + torch.eye(2, 3) * 1e-6},
        {**WEIGHTS, "a": WEIGHTS["a"].double()},
        {**WEIGHTS, "a": WEIGHTS["a"].view(torch.int32)},
        {**WEIGHTS, "a": WEIGHTS["a"].reshape(3, 2)},
        {**WEIGHTS, "b": torch.tensor([3])},
        {"a": WEIGHTS["a"], "c": WEIGHTS["b"]},
        {"b": WEIGHTS["a"], "a": WEIGHTS["b"]},
        {"a": WEIGHTS["a"]},
        {**WEIGHTS, "c": torch.zeros(0)},
    ],
    ids=[
        *("weight", "dtype", "same bytes read otherwise", "shape", "dimensions"),
        *("name", "names swapped", "one less", "an empty one more"),
    ],
)
def test_a_fingerprint_changes_with(changed: dict[str, Tensor]) -> None:
    assert fingerprint_tensors(changed) != fingerprint_tensors(WEIGHTS)


def test_order_strides_and_gradients_do_not_matter() -> None:
    same = {
        "b": WEIGHTS["b"].clone(),
        "a": WEIGHTS["a"].T.contiguous().T.requires_grad_(),
    }
    assert fingerprint_tensors(same) == fingerprint_tensors(WEIGHTS)


@pytest.mark.parametrize(
    "kind", [torch.bfloat16, torch.float16, torch.bool, torch.int64, torch.complex64]
)
def test_every_kind_of_number_has_a_fingerprint(kind: torch.dtype) -> None:
    ones, zeros = torch.ones(3, dtype=kind), torch.zeros(3, dtype=kind)
    assert fingerprint_tensors({"a": ones}) != fingerprint_tensors({"a": zeros})


def test_a_modules_fingerprint_covers_parameters_and_buffers() -> None:
    module = nn.BatchNorm1d(3)
    before = fingerprint_module(module)
    assert fingerprint_module(nn.BatchNorm1d(3)) == before
    module.running_mean += 1
    assert fingerprint_module(module) != before


def test_options_name_and_version_change_a_fingerprint() -> None:
    made = {
        fingerprint_options("x", 1, Options()),
        fingerprint_options("y", 1, Options()),
        fingerprint_options("x", 2, Options()),
        fingerprint_options("x", 1, Options(width=4)),
        fingerprint_options("x", 1, Options(kind="3")),
    }
    assert len(made) == 5
    assert fingerprint_options("x", 1, Options()) in made


def test_another_process_gives_the_same_fingerprints() -> None:
    code = (
        "import torch; from dataclasses import make_dataclass; "
        "from spaner_core.pretrained.fingerprint import *; "
        "print(fingerprint_tensors({'b': torch.tensor(3), "
        "'a': torch.arange(6.0).reshape(2, 3)})); "
        "print(fingerprint_options('x', 1, make_dataclass('O', [('kind', str), ('width', int)])"
        "('x', 3)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [
        fingerprint_tensors(WEIGHTS),
        fingerprint_options("x", 1, Options()),
    ]


def test_options_that_are_no_dataclass_are_refused_in_words() -> None:
    with pytest.raises(TypeError, match="options that are a dict; expected your options dataclass"):
        fingerprint_options("toy", 1, {"width": 3})  # type: ignore[arg-type]
