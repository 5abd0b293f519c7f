"""Flags that several commands share, and how they override plugins.yaml."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from spaner_core.errors import ConfigError

if TYPE_CHECKING:
    from spaner.project import Project


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
    from spaner_registry.values import no_place

    if expected := no_place(path):
        raise ConfigError(f"{parameter.opts[-1]} {path}: expected {expected}; name another")


ConfigFlag = Annotated[Path, typer.Option("-c", "--config", help="The configuration.")]
SpaceFlag = Annotated[
    Path | None,
    typer.Option("--space", help="Instead of the configuration's.", callback=_check_place),
]
ManifestFlag = Annotated[
    Path | None,
    typer.Option("--manifest", help="Instead of the configuration's.", callback=_check_place),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="One JSON value on standard output.")]
OverwriteFlag = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]
ProfileFlag = Annotated[bool, typer.Option("--profile", help="Say where the time went.")]
SeedFlag = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**32 - 1, help="Instead of the configuration's.")
]
DeviceFlag = Annotated[Device, typer.Option("--device", help="Where to compute.")]
StrengthFlag = Annotated[
    float | None,
    typer.Option("--strength", min=0.0, max=1.0, help="How hard the prompt pulls, 0 to 1."),
]
QuietFlag = Annotated[bool, typer.Option("--quiet", help="No progress, no notices.")]

CONFIG = Path("plugins.yaml")


def as_name(given: str | None) -> str | None:
    """Read a name from the command line in the form in which the manifest's names are compared."""
    from spaner_core.data.names import compose

    return None if given is None else compose(given)


def split_names(given: Sequence[str] | None) -> list[str]:
    """Read names that a flag gives with commas, or by being repeated."""
    return [name.strip() for part in given or () for name in part.split(",") if name.strip()]


def open_project(
    config: Path,
    *,
    space: Path | None = None,
    manifest: Path | None = None,
    seed: int | None = None,
    device: Device = Device.auto,
    quiet: bool = False,
    names: Iterable[str] = (),
    links: tuple[str, Sequence[str]] | None = None,
) -> Project:
    """Read the configuration with the flags' values in place of its own.

    `names` are modalities that the command was asked for, `links` one that is to find others.
    Raises `ConfigError` where the configuration is missing or wrong, does not declare one of
    `names` or does not let the `links` be, and where the device is absent. All but the last is told
    before anything heavy is imported.
    """
    if quiet:
        os.environ["TQDM_DISABLE"] = "1"
    from spaner_registry.config import read_config

    settings = read_config(config)
    settings.check_declared(names)
    if links is not None:
        from spaner.refusals import check_links

        check_links(settings, *links)
    changes: dict[str, Any] = {}
    if space is not None:
        changes["space"] = space
    if manifest is not None:
        changes["data"] = settings.data.model_copy(update={"manifest": manifest})
    if seed is not None:
        changes["training"] = settings.training.model_copy(update={"seed": seed})
    from spaner.project import Project

    return Project(settings.model_copy(update=changes), device=device.value)
