"""Defines value types of plugins.yaml besides numbers."""

from __future__ import annotations

from collections.abc import Mapping
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
from spaner_core.ranges import Share, as_number, expect

from spaner_registry.plugins.discovery import NAME_WORDING, PLUGIN_NAME

DEFAULT = "default"
"""Stands among modalities for all that are not named."""


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


def _empty_section(value: object) -> object:
    """Read a section with nothing under it, or only comments, as one that sets nothing."""
    return {} if value is None else value


def _empty_policy(value: object) -> object:
    """Refuse a policy left blank: it may mean all as well as none."""
    if value is None:
        raise expect("names ({} or [] permits none, no line permits all)")
    return value


def _empty_log(value: object) -> object:
    """Refuse a log left blank: whoever wrote its key expects one."""
    if value is None:
        raise expect("a path (no line logs nothing)")
    return value


def _by_modality(value: object, handler: ValidatorFunctionWrapHandler) -> Mapping[str, float]:
    """Read one share for all modalities, or a mapping of shares whose `default` is for others."""
    if not isinstance(value, Mapping):
        number = as_number(value)
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
LogPath = Annotated[FilePath | None, BeforeValidator(_empty_log)]
Text = Annotated[str, BeforeValidator(_check_text)]
ModalityName = Annotated[str, AfterValidator(_check_name)]
ShareByModality = Annotated[Mapping[ModalityName, Share], WrapValidator(_by_modality)]
