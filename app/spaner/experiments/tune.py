"""Chooses a training's settings by validation figures, within a budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from spaner_core.contract.modality import Aligner
from spaner_core.errors import ConfigError, DataError
from spaner_core.extras import need
from spaner_core.files.atomic import naming
from spaner_core.files.replacing import writing_alone

from spaner.arguments import check_count, check_seconds
from spaner.experiments.retrain import Retraining, prepare_retraining
from spaner.experiments.study import (
    diverged_trials,
    ended_trials,
    new_sampler,
    open_study,
    study_path,
)
from spaner.experiments.tuned_settings import (
    STRENGTHS,
    TRIED,
    Range,
    Setting,
    aligner_options,
    apply_setting,
    check_output,
    given_setting,
    left_out,
    write_tuned,
)
from spaner.output_paths import check_writable
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.splits import VALIDATION_SPLIT, check_not_test

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

BEFORE, SETTING = "before", "setting"
"""Where the study keeps the figure of the configuration as it stands, and a trial's setting."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TuningReport(Report):
    """What a search found, and the file that reproduces it.

    `before` is the validation mAP of the configuration as it stands, `best_map` that of `best`,
    which may be that configuration; both are of retrieval by what `chosen_by` says, items only
    where no training row has a concept. `trials` counts all that the study has, `new_trials` those
    of this call, `diverged` those of all that gave no figure.
    """

    output: Path
    study: Path
    trials: int
    new_trials: int
    diverged: int
    before: float
    best_map: float
    chosen_by: Literal["concept", "item"]
    best: Setting
    seconds: float

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"trials": self.new_trials})


def tune(
    project: Project,
    *,
    trials: int,
    seconds: float | None = None,
    split: str = VALIDATION_SPLIT,
    output: Path | None = None,
    overwrite: bool = False,
) -> TuningReport:
    """Try settings on the rows of `split` and write the best as a configuration of its own.

    What has been tried is kept beside the space; the next call on the same data goes on from there
    until there are `trials` in all, or `seconds` have passed. Raises `ConfigError` where optuna is
    not installed or the configuration as it stands diverges, `DataError` for a split that is
    trained on or named test, and `OutputExists`.
    """
    start = time.perf_counter()
    check_count("trials", trials)
    if seconds is not None:
        check_seconds(seconds)
    target = check_output(project, output, overwrite=overwrite)
    need("tune", user="tuning needs")
    path = study_path(project)
    check_writable(path, given=str(path))
    check_not_test(split)
    material = prepare_retraining(project, split)
    with writing_alone(path) as alone, naming(path):
        study = open_study(project, material, path, split=split, alone=alone)
        search = _Search(project=project, material=material, study=study)
        before, earlier = search.before(), len(ended_trials(study))
        search.go_on(trials, seconds=seconds)
        best, best_map = search.best(before)
        write_tuned(project, best, target, names=material.rows, best_map=best_map, split=split)
        done, diverged = len(ended_trials(study)), len(diverged_trials(study))
        project.say(*_notices(project, study, path=path, target=target, earlier=earlier))
    return TuningReport(
        output=target,
        study=path,
        trials=done,
        new_trials=done - earlier,
        diverged=diverged,
        before=before,
        best_map=best_map,
        chosen_by="concept" if search.anchored else "item",
        best=best,
        seconds=round(time.perf_counter() - start, 1),
    )


@dataclass(frozen=True, kw_only=True)
class _Search:
    """Trials of one project: what they train on, and where they are kept."""

    project: Project
    material: Retraining
    study: Study

    @property
    def anchored(self) -> bool:
        """Whether training rows have concepts: without them no anchor draws, and none pulls."""
        return any(bool((rows.concepts >= 0).any()) for rows in self.material.rows.values())

    def before(self) -> float:
        """Return the mean mAP of the configuration as it stands, measured once a study."""
        if BEFORE not in self.study.user_attrs:
            given = given_setting(self.project, anchored=self.anchored)
            _, found = self._measure(given, strengths=[given["strength"]])
            self.study.set_user_attr(BEFORE, found)
        return float(self.study.user_attrs[BEFORE])

    def go_on(self, trials: int, *, seconds: float | None) -> None:
        """Try until the study has `trials` in all; begin none after `seconds`.

        Trials that diverge count, so that the search ends.
        """
        start = time.perf_counter()
        while len(ended_trials(self.study)) < trials:
            self._try()
            if seconds is not None and time.perf_counter() - start >= seconds:
                return

    def best(self, before: float) -> tuple[Setting, float]:
        """Return the best setting, the configuration's own where no trial is above `before`."""
        gave_figures = len(diverged_trials(self.study)) < len(ended_trials(self.study))
        if gave_figures and self.study.best_value > before:
            return self.study.best_trial.user_attrs[SETTING], self.study.best_value
        return given_setting(self.project, anchored=self.anchored), before

    def _try(self) -> None:
        """Train with the settings that the study suggests, and tell it the mAP that they give."""
        from optuna.trial import TrialState

        seed = self.project.config.training.seed
        self.study.sampler = new_sampler(self.study, seed=seed)
        trial = self.study.ask()
        given = given_setting(self.project, anchored=self.anchored)
        setting = _suggested(trial, given, anchored=self.anchored)
        trial.set_user_attr(SETTING, setting)
        try:
            strengths = STRENGTHS if self.anchored else [given["strength"]]
            strength, found = self._measure(setting, strengths=strengths)
        except ConfigError:  # diverged: the configuration itself has trained before any trial
            self.study.tell(trial, state=TrialState.FAIL)
            return
        trial.set_user_attr(SETTING, {**setting, "strength": strength})
        self.study.tell(trial, found)

    def _measure(self, setting: Setting, *, strengths: Sequence[float]) -> tuple[float, float]:
        """Train with a setting; return the best of `strengths` and the mean mAP at it."""
        recipe = apply_setting(self.material.recipe, setting)
        material = self.material.material
        modalities = {
            name: replace(part, build=self._builder(name, setting))
            for name, part in material.modalities.items()
        }
        material = replace(material, modalities=modalities)
        tried = replace(self.material, recipe=recipe, material=material)
        trained = tried.fit(tried.rows, seed=recipe.training.seed)
        found: dict[float, float] = {}
        for strength in strengths:
            figures = tried.measure(tried.embed(trained, strength=strength))
            if (value := figures["primary_metric"]) is None:
                raise DataError(
                    "no row of the split has its concept or item in another modality, so there is "
                    "nothing to choose by; add such rows"
                )
            found[strength] = value
        best = max(found, key=found.__getitem__)
        return best, found[best]

    def _builder(self, name: str, setting: Setting) -> Callable[[], Aligner]:
        features = self.project.assembly.modality(name).encoder.features
        return partial(
            self.project.registry.load(name).build_aligner,
            features,
            prompt_dim=setting["dim"],
            options=aligner_options(self.project, name, setting),
        )


def _suggested(trial: Trial, given: Setting, *, anchored: bool) -> Setting:
    """Let the study choose what has an effect, and keep what the configuration says besides."""
    kept = {"strength"} if anchored else {"strength", "anchor_weight"}
    chosen = dict(given)
    for key, tried in TRIED.items():
        if key in kept:
            continue
        if isinstance(tried, Range):
            number = trial.suggest_float(key, tried.low, tried.high, log=tried.is_log)
            chosen[key] = _short(number)
        else:
            chosen[key] = trial.suggest_categorical(key, tried)
    return chosen


def _short(number: float) -> float:
    """Keep two digits: what is tried is what will stand in the file, and can be read there."""
    return float(f"{number:.2g}")


def _notices(
    project: Project, study: Study, *, path: Path, target: Path, earlier: int
) -> Iterator[str]:
    if earlier:
        yield f"the search goes on from {_trials(earlier)} in {path}"
    if diverged := diverged_trials(study):
        lowest = min(trial.user_attrs[SETTING]["learning_rate"] for trial in diverged)
        yield f"{_trials(len(diverged))} diverged, the lowest learning_rate of which is {lowest:g}"
    for key in left_out(project):
        yield (
            f"trials take all of training.max_steps, so {target.name}, which is to give what they "
            f"gave, is without training.{key}"
        )


def _trials(count: int) -> str:
    return f"{count} trial{'s' * (count != 1)}"
