"""Settings that a search may choose, and a configuration that has them."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from spaner_core.errors import ConfigError
from spaner_core.options import OptionError
from spaner_core.ordinary_files import read_small
from spaner_core.writing import written_at_end

from spaner.outputs import check_output_file
from spaner.project import Project


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is chosen: width D, learning rate, lambda, pull strength, dropout of the features.

    `dropout` is None where each aligner keeps its own, `anchor_weight` (lambda) where no row has a
    concept, and so nothing is drawn to an anchor.
    """

    dim: int
    learning_rate: float
    anchor_weight: float | None
    strength: float
    dropout: float | None


def given_setting(project: Project, *, anchored: bool = True) -> Setting:
    """Return what the configuration says; `anchored` says whether rows have concepts."""
    recipe = project.config.recipe
    return Setting(
        dim=recipe.prompt.dim,
        learning_rate=recipe.training.learning_rate,
        anchor_weight=recipe.loss.anchor_weight if anchored else None,
        strength=recipe.prompt.strength,
        dropout=None,
    )


def aligner_options(project: Project, name: str, setting: Setting) -> dict[str, Any]:
    """Return a modality's aligner options with a setting's dropout, where it knows dropout."""
    options = dict(project.assembly.options[name].aligner)
    if setting.dropout is None:
        return options
    features = project.assembly.modality(name).encoder.features
    chosen = {**options, "dropout": setting.dropout}
    try:
        project.registry.build_aligner(name, features, prompt_dim=2, options=chosen)
    except OptionError:
        return options
    return chosen


def check_output(project: Project, output: Path | None, *, overwrite: bool) -> Path:
    """Return where to write, beside the configuration; raises as `check_output_file`."""
    config = project.config.path
    target = output or config.with_name(f"{config.stem}-tuned{config.suffix}")
    if target.absolute().parent != config.absolute().parent:
        raise ConfigError(
            f"--output {target}: expected a file beside {config}, whose paths are relative to its "
            "folder; name one there"
        )
    check_output_file(
        project, target, flag="--output", overwrite=overwrite, suffix=config.suffix.lower()
    )
    return target


def left_out(project: Project) -> tuple[str, ...]:
    """Return the keys of `training:` that trials do not follow: none of them ends early."""
    early = project.config.training.early_stopping_patience
    return () if early is None else ("early_stopping_patience",)


def write_tuned(
    project: Project,
    best: Setting,
    target: Path,
    *,
    names: Collection[str],
    best_map: float,
    split: str,
) -> None:
    """Write the configuration with the best settings in place of its own, atomically.

    Modalities that are not among `names` were not tried, and stay as they are.
    """
    content: dict[str, Any] = yaml.safe_load(read_small(project.config.path))
    content["space"] = _tuned_space(project, content["space"])
    for section, key, value in (
        ("prompt", "dim", best.dim),
        ("prompt", "strength", best.strength),
        ("loss", "anchor_weight", best.anchor_weight),
        ("training", "learning_rate", best.learning_rate),
    ):
        if value is None:
            continue
        content[section] = {**(content.get(section) or {}), key: value}
    for key in left_out(project):
        del content["training"][key]
    for name, given in content["modalities"].items():
        if name in names and (options := aligner_options(project, name, best)):
            content["modalities"][name] = {**(given or {}), "aligner": options}
    head = f"# Written by `spaner tune` from {project.config.path.name}: "
    head += f"mean mAP {best_map:.4f} on split {split}.\n"
    with written_at_end(target) as partial:
        body = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        partial.write_text(head + body, encoding="utf-8")


def _tuned_space(project: Project, given: str) -> str:
    """Return a path beside the configured space, spelt like it as far as that has a name."""
    space = Path(os.path.normpath(given))
    if space.name in ("", "..", "~"):
        space = Path(os.path.abspath(project.config.space))  # noqa: PTH100 (which leaves .. in)
    return str(space.with_name(f"{space.name}-tuned"))
