"""Grants a space, which may come from anyone, only harmless options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from spaner_core.errors import SpaceError

if TYPE_CHECKING:
    from spaner_core.space.records import AlignerRecord


@dataclass(frozen=True, kw_only=True)
class ModalityOptions:
    """One modality's options, as plugins.yaml or a space's record gives them."""

    encoder: Mapping[str, Any]
    aligner: Mapping[str, Any]


def options_from_space(records: Mapping[str, AlignerRecord]) -> dict[str, ModalityOptions]:
    """Return the options that a space recorded, refusing what a space has no business to decide.

    A space may come from anyone: it cannot switch `trust_remote_code` on, nor name files outside
    the working folder. Raises `SpaceError`.
    """
    for name, record in records.items():
        check_harmless(name, record.encoder_options)
        check_harmless(name, record.aligner_options)
    return {
        name: ModalityOptions(encoder=record.encoder_options, aligner=record.aligner_options)
        for name, record in records.items()
    }


def check_harmless(name: str, value: object) -> None:
    """Look through an option's value, however nested.

    Raises `SpaceError` where it asks for what a space has no business to decide.
    """
    if isinstance(value, Mapping):
        if value.get("trust_remote_code"):
            raise SpaceError(
                f"the space asks for trust_remote_code in {name!r}; a space cannot grant that. "
                "Declare the modality in your own plugins.yaml if you trust it"
            )
        for part in value.values():
            check_harmless(name, part)
    elif isinstance(value, list | tuple):
        for part in value:
            check_harmless(name, part)
    elif isinstance(value, str) and _leaves_folder(value):
        raise SpaceError(
            f"the space names the path {value!r} in {name!r}; a space may not point outside the "
            "working folder. Declare the modality in your own plugins.yaml"
        )


def _leaves_folder(value: str) -> bool:
    return (
        PurePosixPath(value).is_absolute()
        or PureWindowsPath(value).is_absolute()
        or ".." in PurePosixPath(value.replace("\\", "/")).parts
    )
