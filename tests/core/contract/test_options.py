from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field
from spaner_core.contract.options import OptionError, read_options, unknown_key
from spaner_core.errors import ConfigError, SpanerError


@dataclass(frozen=True, kw_only=True)
class Options:
    window_s: float = 5.0
    kernels: int = 500
    kind: Literal["mean", "pool"] = "mean"
    exact: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        if self.kernels < 1:
            raise ValueError(f"kernels is {self.kernels}; give a whole number from 1")


def test_no_options_give_the_defaults_and_given_ones_are_kept() -> None:
    assert read_options(Options, {}) == Options()
    given = {"window_s": 2, "kernels": 3, "kind": "pool", "exact": True, "name": "x"}
    assert read_options(Options, given) == Options(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "nearest"), [("kernel", "kernels"), ("windows_s", "window_s"), ("Kind", "kind")]
)
def test_an_unknown_key_names_the_nearest_known_one(typed: str, nearest: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_options(Options, {typed: 1})
    assert repr(typed) in str(caught.value)
    assert f"did you mean {nearest!r}?" in str(caught.value)
    assert [key for key, _ in caught.value.problems] == [typed]


def test_a_key_like_no_other_gets_the_whole_list() -> None:
    assert unknown_key("zzz", ["b", "a"]) == "unknown key 'zzz'; known: a, b"
    assert unknown_key("zzz", []) == "unknown key 'zzz'; known: none"
    assert "'3'" in unknown_key(3, ["three"])


def test_all_problems_come_at_once_in_one_line() -> None:
    wrong = {"kernel": 1, "window_s": "long", "kind": "median", "kernels": 2.5}
    with pytest.raises(OptionError) as caught:
        read_options(Options, wrong)
    assert {key for key, _ in caught.value.problems} == set(wrong)
    message = str(caught.value)
    assert all(key in message for key in wrong)
    assert "\n" not in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("window_s", None),
        ("window_s", [1.0]),
        ("kernels", 1.5),
        ("kernels", "many"),
        ("kind", "Mean"),
        ("exact", "perhaps"),
        ("name", 3),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(OptionError) as caught:
        read_options(Options, {key: value})
    assert [name for name, _ in caught.value.problems] == [key]
    assert str(caught.value).startswith(f"{key} is ")
    assert "; expected " in str(caught.value)


@dataclass(frozen=True, kw_only=True)
class Varied:
    columns: tuple[str, ...]
    size: tuple[int, int] = (1, 2)
    units: Mapping[str, float] = field(default_factory=dict)
    limit: int | list[int] | None = None
    depth: Annotated[int, Field(ge=2)] = 3
    where: Path = Path("here")
    kind: Literal["a", "b"] = "a"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"columns": "x"}, "columns is 'x'; expected a list of texts; correct it"),
        ({"columns": ["x", 3]}, "columns[1] is 3; expected a text; quote it"),
        ({"columns": ["x", False]}, "columns[1] is false; expected a text; quote it: YAML"),
        ({"units": {True: 1.0}}, "units has the key true; expected a text; quote it: YAML"),
        ({}, "columns is not given; expected a list of texts; add it"),
        ({"size": [1]}, "size is a list; expected a list of 2 whole numbers; correct it or remove"),
        ({"size": 1.5}, "size is 1.5; expected a list of 2 whole numbers; correct it or remove it"),
        ({"units": {"x": "wide"}}, "units.x is 'wide'; expected a number; correct it or remove it"),
        ({"units": ["x"]}, "units is a list; expected a mapping of keys and values; correct it or "
                           "remove it"),
        ({"limit": "x"}, "limit is 'x'; expected a whole number or a list of whole numbers or no "
                         "value; correct it or remove it"),
        ({"depth": 1}, "depth is 1; expected a number of at least 2; correct it, or remove it for "
                       "the default 3"),
        ({"where": 3}, "where is 3; expected a path; correct it or remove it"),
        ({"kind": True}, "kind is true; expected 'a' or 'b'; correct it, or remove it for the "
                         "default 'a'"),
    ],
)  # fmt: skip
def test_every_type_is_told_in_our_own_words(given: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_options(Varied, {"columns": ["x"], **given} if given else {})
    ((key, message),) = caught.value.problems
    assert key == (next(iter(given)) if given else "columns")
    assert message.startswith(said)


def test_what_the_dataclass_itself_refuses_is_told_in_its_own_words() -> None:
    with pytest.raises(OptionError) as caught:
        read_options(Options, {"kernels": 0})
    assert str(caught.value) == "kernels is 0; give a whole number from 1"


def test_an_option_error_is_the_users_configuration_error() -> None:
    with pytest.raises(ConfigError) as caught:
        read_options(Options, {"zzz": 0})
    assert isinstance(caught.value, SpanerError)
