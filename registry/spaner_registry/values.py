"""Value types of plugins.yaml: what each accepts, and the words that say so in messages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from errno import ELOOP
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from spaner_registry.discovery import NAME_WORDING, PLUGIN_NAME

DEFAULT = "default"
"""Stands among modalities for all that are not named."""

UNEXPECTED = "unexpected"
"""Type of the errors raised here; their message is what was expected."""


def expect(wording: str) -> PydanticCustomError:
    """Make the error for a value that is not what `wording` says."""
    return PydanticCustomError(UNEXPECTED, "{wording}", {"wording": wording})


def _number(wording: str, accepts: Callable[[float], bool]) -> BeforeValidator:
    def read(value: object) -> float:
        number = _as_number(value)
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


def as_whole(value: object) -> int | None:
    """Read a whole number, exactly, however large; None for what is none."""
    number = _as_number(value)
    if number is None or not number.is_integer():
        return None
    return value if isinstance(value, int) else int(number)


def _as_number(value: object) -> float | None:
    """Read a finite number; PyYAML gives 1e-3 as a text, and true must not pass as 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _check_path(value: object, info: ValidationInfo) -> Path:
    """Read a path relative to the folder given as the validation's context."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise expect("a path")
    path = Path(value)
    if path.parts[:1] == ("~",):  # ~name stays a file's name: there may be no such user
        try:
            path = path.expanduser()
        except RuntimeError as error:  # a container's user without an entry in passwd
            raise expect("a path without ~, as this user has no home folder") from error
    path = info.context / path if isinstance(info.context, Path) else path
    if expected := no_place(path):
        raise expect(expected)
    return path


def no_place(path: Path) -> str | None:
    """Say what is expected instead of a path at which nothing can be kept; None for others.

    That is the root of the file system, which has no name to put another beside, and a circle of
    links.
    """
    if not path.absolute().name:
        return "a file or folder below /"
    try:
        path.stat()
    except OSError as error:
        return "a path that is no circle of links" if error.errno == ELOOP else None
    except ValueError:  # a NUL
        return "a path"
    return None


def _check_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise expect("a text")
    return value


def _check_name(value: object) -> str:
    if not isinstance(value, str) or not PLUGIN_NAME.fullmatch(value):
        raise expect(NAME_WORDING)
    return value


def beside(other: str) -> AfterValidator:
    """Refuse a value where the key `other`, declared before it in the same section, sets none."""

    def check(value: object, info: ValidationInfo) -> object:
        if value not in (None, "none") and info.data.get(other, ...) is None:
            raise expect(f"a line {other} beside it")
        return value

    return AfterValidator(check)


def _empty_section(value: object) -> object:
    """Read a section with nothing under it, or only comments, as one that sets nothing."""
    return {} if value is None else value


def _empty_policy(value: object) -> object:
    """Refuse a policy left blank: it may mean all as well as none."""
    if value is None:
        raise expect("names ({} or [] permits none, no line permits all)")
    return value


def _by_modality(value: object, handler: ValidatorFunctionWrapHandler) -> Mapping[str, float]:
    """Read one share for all modalities, or a mapping of shares whose `default` is for others."""
    if not isinstance(value, Mapping):
        number = _as_number(value)
        if number is None or not 0 <= number <= 1:
            raise expect(
                "a number from 0 to 1, or such numbers by modality, as in {default: 0.01, text: 0}"
            )
        value = {DEFAULT: number}
    shares: Mapping[str, float] = handler(value)
    return shares


Section = BeforeValidator(_empty_section)
Explicit = BeforeValidator(_empty_policy)
FilePath = Annotated[Path, BeforeValidator(_check_path)]
Text = Annotated[str, BeforeValidator(_check_text)]
ModalityName = Annotated[str, AfterValidator(_check_name)]
AboveZero = Annotated[float, _number("a number above 0", lambda x: x > 0)]
ZeroOrMore = Annotated[float, _number("a number of at least 0", lambda x: x >= 0)]
Share = Annotated[float, _number("a number from 0 to 1", lambda x: 0 <= x <= 1)]
ShareByModality = Annotated[Mapping[ModalityName, Share], WrapValidator(_by_modality)]
InnerShare = Annotated[float, _number("a number between 0 and 1", lambda x: 0 < x < 1)]
Sharpness = Annotated[float, _number("a number above 0, at most 50", lambda x: 0 < x <= 50)]
Scale = Annotated[float, _number("a number above 0, at most 100", lambda x: 0 < x <= 100)]
_Counted = Annotated[int, _whole("a whole number of at least 1", lambda n: n >= 1)]
Count = Annotated[_Counted, _at_most(10**9)]
BatchRows = Annotated[_Counted, _at_most(10**6)]
Width = Annotated[int, _whole("a whole number of at least 2", lambda n: n >= 2)]
CountOrNone = Annotated[int, _whole("a whole number of at least 0", lambda n: n >= 0)]
# numpy, which Trainer seeds too, takes 32 bits
Seed = Annotated[int, _whole("a whole number from 0 to 4294967295", lambda n: 0 <= n < 2**32)]
