"""Declares the flags that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from spaner_core.errors import ConfigError

CONFIG = Path("plugins.yaml")


class Device(StrEnum):
    """Where encoders and trainings compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def _check_place(parameter: typer.CallbackParam, path: Path | None) -> Path | None:
    """Raise `ConfigError` for a path at which nothing can be kept."""
    if path is not None:
        _check(path, parameter)
    return path


def check_folder(parameter: typer.CallbackParam, path: Path) -> Path:
    """Raise `ConfigError` for a folder in which nothing can be made."""
    _check(path / "new", parameter)
    return path


def _check(path: Path, parameter: typer.CallbackParam) -> None:
    from spaner_registry.config.values import no_place

    if expected := no_place(path):
        raise ConfigError(f"{parameter.opts[-1]} {path}: expected {expected}; name another")


@dataclass(kw_only=True)
class Flags:
    """Flags that several commands share; a command has those that it names."""

    config: Annotated[Path, typer.Option("-c", "--config", help="The configuration.")] = CONFIG
    space: Annotated[
        Path | None,
        typer.Option("--space", help="Instead of the configuration's.", callback=_check_place),
    ] = None
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="Instead of the configuration's.", callback=_check_place),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**32 - 1, help="Instead of the configuration's."),
    ] = None
    strength: Annotated[
        float | None,
        typer.Option("--strength", min=0.0, max=1.0, help="How hard the prompt pulls, 0 to 1."),
    ] = None
    device: Annotated[Device, typer.Option("--device", help="Where to compute.")] = Device.auto
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")] = False
    profile: Annotated[bool, typer.Option("--profile", help="Say where the time went.")] = False
    json: Annotated[bool, typer.Option("--json", help="One JSON value on standard output.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no notices.")] = False


def as_name(given: str | None) -> str | None:
    """Read a name from the command line in the form in which the manifest's names are compared."""
    from spaner_core.data.names import compose

    return None if given is None else compose(given)


def split_names(given: Sequence[str] | None) -> list[str]:
    """Read names that a flag gives with commas, or by being repeated."""
    return [name.strip() for part in given or () for name in part.split(",") if name.strip()]


SplitFlag = Annotated[
    str, typer.Option("--split", callback=as_name, help="Which rows are measured.")
]
"""The flag that says which split a command measures."""
