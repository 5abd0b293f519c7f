"""Lists the settings that tuning may choose, and writes them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from spaner_core.contract.options import OptionError
from spaner_core.errors import ConfigError
from spaner_core.files.atomic import written_at_end
from spaner_core.files.ordinary import read_small
from spaner_core.recipe import Recipe

from spaner.output_paths import check_output_file
from spaner.project import Project

Setting: TypeAlias = Mapping[str, Any]
"""Values by key: what the recipe names, and `dropout` of the features.

`dropout` is None where each aligner keeps its own, `anchor_weight` where no row has a concept, and
so nothing is drawn to an anchor.
"""


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers that a search may try, evenly or, with `is_log`, by their logarithm."""

    low: float
    high: float
    is_log: bool = False


STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Pull strengths tried on every trained space, which costs no training."""

TRIED: Mapping[str, Range | Sequence[float]] = {
    "dim": (64, 128, 256),
    "learning_rate": Range(low=3e-4, high=1e-2, is_log=True),
    "anchor_weight": Range(low=0.25, high=4.0, is_log=True),
    "strength": STRENGTHS,
    "dropout": Range(low=0.0, high=0.6),
}
"""What a search tries: settings of the recipe by their names, and dropout."""


def given_setting(project: Project, *, anchored: bool = True) -> dict[str, Any]:
    """Return what the configuration says; `anchored` says whether rows have concepts."""
    sections = asdict(project.config.recipe).values()
    recipe = {key: value for section in sections for key, value in section.items()}
    given = {key: recipe.get(key) for key in TRIED}
    return given if anchored else {**given, "anchor_weight": None}


def apply_setting(recipe: Recipe, setting: Setting) -> Recipe:
    """Return the recipe with what a setting gives in place of its own."""
    for section in fields(recipe):
        part = getattr(recipe, section.name)
        recipe = replace(recipe, **{section.name: replace(part, **_given(part, setting))})
    return recipe


def _given(part: Any, setting: Setting) -> dict[str, Any]:
    """Return what a setting gives of one section of the recipe."""
    names = [field.name for field in fields(part)]
    return {name: setting[name] for name in names if setting.get(name) is not None}


def aligner_options(project: Project, name: str, setting: Setting) -> dict[str, Any]:
    """Return a modality's aligner options with a setting's dropout, where it knows dropout."""
    options = dict(project.assembly.options[name].aligner)
    if setting["dropout"] is None:
        return options
    features = project.assembly.modality(name).encoder.features
    chosen = {**options, "dropout": setting["dropout"]}
    try:
        project.registry.load(name).build_aligner(features, 2, chosen)
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
    recipe = project.config.recipe
    for section in fields(recipe):
        if chosen := _given(getattr(recipe, section.name), best):
            content[section.name] = {**(content.get(section.name) or {}), **chosen}
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
