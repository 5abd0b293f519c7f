"""Describes plugins.yaml as typed, frozen values.

`spaner_core.recipe` states what decides a training, with ranges and defaults.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from pydantic.dataclasses import dataclass
from spaner_core.contract.options import OptionError
from spaner_core.errors import ConfigError
from spaner_core.recipe import (
    NO_OTHER_KEYS,
    LossRecipe,
    MonitoringRecipe,
    PromptRecipe,
    Recipe,
    TrainingRecipe,
)

from spaner_registry.config.explain import contradictions, explain
from spaner_registry.config.plain_yaml import Document, Problem, read_yaml
from spaner_registry.config.policy import PolicySettings
from spaner_registry.config.values import (
    DEFAULT,
    FilePath,
    ModalityName,
    Section,
    ShareByModality,
    Text,
    no_place,
)

RecipeT = TypeVar("RecipeT", PromptRecipe, TrainingRecipe)

CACHE = "SPANER_CACHE_DIR"
MAX_UNUSABLE = 0.01
_FROZEN = ConfigDict(extra="forbid", frozen=True)


class DataSettings(BaseModel):
    """`data:`, where the rows are, and the share of a modality's inputs that may be unusable."""

    model_config = _FROZEN

    manifest: FilePath = Field(examples=["data: {manifest: data/manifest.csv}"])
    max_unusable: ShareByModality = Field(default=MAX_UNUSABLE, validate_default=True)

    def share_unusable(self, modality: str) -> float:
        """Return the share of a modality's inputs that may be unusable, 0 to 1."""
        others = self.max_unusable.get(DEFAULT, MAX_UNUSABLE)
        return self.max_unusable.get(modality, others)


class FeatureSettings(BaseModel):
    """`features:`, where extracted features are kept, and as numbers of how many bits."""

    model_config = _FROZEN

    store: FilePath | None = None
    dtype: Literal["float16", "float32"] = "float16"


@dataclass(frozen=True, kw_only=True, config=NO_OTHER_KEYS)
class PromptSettings(PromptRecipe):
    """`prompt:`, where the anchors come from; `labels_from` is the modality that embeds names."""

    labels_from: Text | None = None
    labels: FilePath | None = None


class ModalitySettings(BaseModel):
    """One entry of `modalities:`; its options are checked by the plugin's own dataclasses."""

    model_config = _FROZEN

    encoder: Annotated[Mapping[str, object], Section] = Field(default_factory=dict)
    aligner: Annotated[Mapping[str, object], Section] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, config=NO_OTHER_KEYS)
class TrainingSettings(MonitoringRecipe, TrainingRecipe):
    """`training:`, named as in `transformers.TrainingArguments`; the batch is per modality."""


class CalibrationSettings(BaseModel):
    """`calibration:`, the column that says who or what rows come from: speaker, machine, batch."""

    model_config = _FROZEN

    group_by: Text | None = None


class Config(BaseModel):
    """A whole plugins.yaml; its paths are absolute or relative to where the program runs."""

    model_config = _FROZEN

    space: FilePath = Field(examples=["space: runs/base"])
    data: Annotated[DataSettings, Section] = Field(examples=["data: {manifest: data/manifest.csv}"])
    features: Annotated[FeatureSettings, Section] = FeatureSettings()
    prompt: Annotated[PromptSettings, Section] = PromptSettings()
    loss: Annotated[LossRecipe, Section] = LossRecipe()
    modalities: Mapping[ModalityName, Annotated[ModalitySettings, Section]] = Field(
        min_length=1, examples=["modalities: {text: {}}"]
    )
    training: Annotated[TrainingSettings, Section] = TrainingSettings()
    calibration: Annotated[CalibrationSettings, Section] = CalibrationSettings()
    policy: Annotated[PolicySettings, Section] = PolicySettings()

    _document: Document = PrivateAttr()

    @property
    def path(self) -> Path:
        """The file that was read."""
        return self._document.path

    @property
    def as_written(self) -> Config:
        """What the file says, where flags have put other values in place of its own."""
        return Config.model_validate(self._document.content, context=self.path.parent)

    def changed(
        self, *, space: Path | None = None, manifest: Path | None = None, seed: int | None = None
    ) -> Config:
        """Return it with the values that are given in place of its own.

        Raises `ConfigError` for those that the file could not have.
        """
        for name, path in (("space", space), ("manifest", manifest)):
            if path is not None and (expected := no_place(path)):
                raise ConfigError(f"{name} {path}: expected {expected}; name another")
        changes: dict[str, object] = {} if space is None else {"space": space}
        if manifest is not None:
            changes["data"] = self.data.model_copy(update={"manifest": manifest})
        if seed is not None:
            try:
                changes["training"] = replace(self.training, seed=seed)
            except ValidationError:
                raise ConfigError(
                    f"seed is {seed!r}; give a whole number from 0 to {2**32 - 1}"
                ) from None
        return self.model_copy(update=changes)

    @property
    def feature_store(self) -> Path:
        """The folder of the extracted features.

        `features.store`, else `features` in `SPANER_CACHE_DIR`, else a folder beside the manifest.
        """
        if self.features.store is not None:
            return self.features.store
        if cache := os.environ.get(CACHE):
            return _cache_folder(cache) / "features"
        manifest = self.data.manifest
        return (manifest if manifest.name else manifest.absolute()).with_suffix(".features")

    @property
    def recipe(self) -> Recipe:
        """What decides a training besides the data and the encoders."""
        return Recipe(
            prompt=_part(PromptRecipe, self.prompt),
            loss=self.loss,
            training=_part(TrainingRecipe, self.training),
        )

    def check_declared(self, names: Iterable[str]) -> None:
        """Raise `ConfigError` for the first of `names` that is not a declared modality."""
        for name in names:
            if not isinstance(name, str) or name not in self.modalities:
                near = difflib.get_close_matches(str(name), self.modalities, n=1)
                raise ConfigError(
                    f"modality {name!r} is not declared in {self.path}; declared are "
                    f"{', '.join(self.modalities)}; "
                    + (f"did you mean {near[0]!r}?" if near else "add it under `modalities:`")
                )

    def locate(self, *keys: object) -> str:
        """Say where a key stands, as plugins.yaml:12:5, or the nearest key above it."""
        return self._document.locate(*keys)

    def option_error(self, error: OptionError, *keys: object) -> ConfigError:
        """Give the problems of a plugin's options, found under `keys`, their places."""
        return self._document.error(
            Problem(self._document.place(*keys, option), message)
            for option, message in error.problems
        )


def _part(kind: type[RecipeT], settings: RecipeT) -> RecipeT:
    """Return of a section what is the recipe's, which a space records."""
    return kind(**{field.name: getattr(settings, field.name) for field in fields(kind)})


def _cache_folder(given: str) -> Path:
    try:
        folder = Path(given).expanduser()
    except RuntimeError as error:  # no such user, or one without a home
        raise ConfigError(f"{CACHE} is {given}; expected a folder; {error}") from error
    if expected := no_place(folder / "features"):
        raise ConfigError(f"{CACHE} is {given}; expected {expected}; name another folder")
    return folder


def read_config(path: Path) -> Config:
    """Read plugins.yaml, its relative paths resolved against its folder.

    Raises one `ConfigError` with all problems, a line each, with line and column.
    """
    document = read_yaml(path)
    problems = list(document.problems)
    config = None
    try:
        config = Config.model_validate(document.content, context=path.parent)
    except ValidationError as error:
        problems += explain(error, document, Config)
    problems += contradictions(document)
    if problems or config is None:
        raise document.error(problems)
    config._document = document
    return config
