"""Defines number types of settings, and words for what each accepts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

MAX_BETA = 50.0
MAX_SCALE = 100.0

UNEXPECTED = "unexpected"
"""Type of the errors raised here; their message is what was expected."""


def expect(wording: str) -> PydanticCustomError:
    """Make the error for a value that is not what `wording` says."""
    return PydanticCustomError(UNEXPECTED, "{wording}", {"wording": wording})


def as_number(value: object) -> float | None:
    """Read a finite number; PyYAML gives 1e-3 as a text, and true must not pass as 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_whole(value: object) -> int | None:
    """Read a whole number, exactly, however large; None for what is none."""
    number = as_number(value)
    if number is None or not number.is_integer():
        return None
    return value if isinstance(value, int) else int(number)


def _number(wording: str, accepts: Callable[[float], bool]) -> BeforeValidator:
    def read(value: object) -> float:
        number = as_number(value)
        if number is None or not accepts(number):
            raise expect(wording)
        return number

    return BeforeValidator(read)


def _whole(wording: str, accepts: Callable[[int], bool]) -> BeforeValidator:
    def read(value: object) -> int:
        whole = as_whole(value)
        if whole is None or not accepts(whole):
            raise expect(wording)
        return whole

    return BeforeValidator(read)


def _at_most(limit: int) -> AfterValidator:
    """Refuse what nothing could carry out: torch would end in an overflow of its own."""

    def check(whole: int) -> int:
        if whole > limit:
            raise expect(f"a whole number of at most {limit}")
        return whole

    return AfterValidator(check)


def _up_to(limit: float) -> BeforeValidator:
    return _number(f"a number above 0, at most {limit:g}", lambda x: 0 < x <= limit)


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise expect("true or false")
    return value


YesOrNo = Annotated[bool, BeforeValidator(_yes_or_no)]
AboveZero = Annotated[float, _number("a number above 0", lambda x: x > 0)]
ZeroOrMore = Annotated[float, _number("a number of at least 0", lambda x: x >= 0)]
Share = Annotated[float, _number("a number from 0 to 1", lambda x: 0 <= x <= 1)]
InnerShare = Annotated[float, _number("a number between 0 and 1", lambda x: 0 < x < 1)]
Sharpness = Annotated[float, _up_to(MAX_BETA)]
Scale = Annotated[float, _up_to(MAX_SCALE)]
_Counted = Annotated[int, _whole("a whole number of at least 1", lambda n: n >= 1)]
Count = Annotated[_Counted, _at_most(10**9)]
BatchRows = Annotated[_Counted, _at_most(10**6)]
Days = Annotated[_Counted, _at_most(36_500)]
Width = Annotated[int, _whole("a whole number of at least 2", lambda n: n >= 2), _at_most(2**16)]
CountOrZero = Annotated[int, _whole("a whole number of at least 0", lambda n: n >= 0)]
# numpy, which Trainer seeds too, takes 32 bits
Seed = Annotated[int, _whole("a whole number from 0 to 4294967295", lambda n: 0 <= n < 2**32)]
