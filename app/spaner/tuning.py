"""Choosing a training's settings by validation figures, within a budget, resumable."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaner_core.errors import ConfigError, DataError
from spaner_core.modality import Aligner
from spaner_core.replacing import writing_alone

from spaner.choosing import check_not_test
from spaner.project import Project
from spaner.retraining import Retraining, prepare_retraining
from spaner.settings import Setting, aligner_options, check_output, given_setting, write_tuned

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

DIMS = (64, 128, 256)
DROPOUT = (0.0, 0.6)
LEARNING_RATE = (3e-4, 1e-2)
ANCHOR_WEIGHT = (0.25, 4.0)
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Pull strengths tried on every trained space, which costs no training."""


BEFORE, SETTING = "before", "setting"
"""Where the study keeps the figure of the configuration as it stands, and a trial's setting."""


@dataclass(frozen=True, kw_only=True)
class TuningReport:
    """What a search found, and the file that reproduces it.

    `before` is the validation mAP of the configuration as it stands, `best_map` that of `best`,
    which may be that configuration. `trials` counts all that the study has, `new_trials` those of
    this call.
    """

    output: Path
    study: Path
    trials: int
    new_trials: int
    before: float
    best_map: float
    best: Setting
    seconds: float
    notices: tuple[str, ...]


def tune(
    project: Project,
    *,
    trials: int,
    seconds: float | None = None,
    split: str = "validation",
    output: Path | None = None,
    overwrite: bool = False,
) -> TuningReport:
    """Try settings on the rows of `split` and write the best as a configuration of its own.

    What has been tried is kept beside the space; the next call on the same data goes on from there
    until there are `trials` in all, or `seconds` have passed. Raises `ConfigError` where optuna is
    not installed, `DataError` for a split that is trained on or named test, and `OutputExists`.
    """
    start = time.perf_counter()
    target = check_output(project, output, overwrite=overwrite)
    check_not_test(split, project.manifest.splits)
    material = prepare_retraining(project, split)
    path = _study_path(project)
    with writing_alone(path):
        for left in path.parent.glob(f"{path.name}.lock*"):  # by a search that was killed
            left.unlink()
        return _search(
            project,
            material,
            path,
            target,
            split=split,
            trials=trials,
            seconds=seconds,
            start=start,
        )


def _search(
    project: Project,
    material: Retraining,
    path: Path,
    target: Path,
    *,
    split: str,
    trials: int,
    seconds: float | None,
    start: float,
) -> TuningReport:
    study = _open_study(project, path, split)
    if BEFORE not in study.user_attrs:
        given = given_setting(project)
        study.set_user_attr(
            BEFORE, _measure(project, material, given, strengths=[given.strength])[1]
        )
    earlier = len(_complete(study))
    if earlier < trials:
        study.optimize(partial(_try, project, material), n_trials=trials - earlier, timeout=seconds)
    before, done = float(study.user_attrs[BEFORE]), len(_complete(study))
    best, best_map = given_setting(project), before
    if done and study.best_value > before:
        best, best_map = Setting(**study.best_trial.user_attrs[SETTING]), study.best_value
    write_tuned(project, best, target, best_map=best_map, split=split)
    return TuningReport(
        output=target,
        study=path,
        trials=done,
        new_trials=done - earlier,
        before=before,
        best_map=best_map,
        best=best,
        seconds=round(time.perf_counter() - start, 1),
        notices=material.notices,
    )


def _try(project: Project, material: Retraining, trial: Trial) -> float:
    """Train with the settings that a trial suggests; return the mAP at their best strength."""
    setting = Setting(
        dim=trial.suggest_categorical("dim", DIMS),
        learning_rate=_short(trial.suggest_float("learning_rate", *LEARNING_RATE, log=True)),
        anchor_weight=_short(trial.suggest_float("anchor_weight", *ANCHOR_WEIGHT, log=True)),
        dropout=_short(trial.suggest_float("dropout", *DROPOUT)),
        strength=project.config.prompt.strength,
    )
    strength, found = _measure(project, material, setting, strengths=STRENGTHS)
    trial.set_user_attr(SETTING, asdict(replace(setting, strength=strength)))
    return found


def _short(number: float) -> float:
    """Keep two digits: what is tried is what will stand in the file, and can be read there."""
    return float(f"{number:.2g}")


def _measure(
    project: Project, material: Retraining, setting: Setting, *, strengths: Sequence[float]
) -> tuple[float, float]:
    """Train with a setting; return the best of `strengths` and the mean mAP at it."""
    recipe = material.recipe
    recipe = replace(
        recipe,
        prompt=replace(recipe.prompt, dim=setting.dim),
        loss=replace(recipe.loss, anchor_weight=setting.anchor_weight),
        training=replace(recipe.training, learning_rate=setting.learning_rate),
    )
    builders = {name: _builder(project, name, setting) for name in material.rows}
    tried = replace(material, recipe=recipe, builders=builders)
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


def _builder(project: Project, name: str, setting: Setting) -> Callable[[], Aligner]:
    features = project.assembly.modality(name).encoder.features
    return partial(
        project.registry.build_aligner,
        name,
        features,
        prompt_dim=setting.dim,
        options=aligner_options(project, name, setting),
    )


def _study_path(project: Project) -> Path:
    space = project.config.space if project.config.space.name else project.config.space.absolute()
    return space.with_name(f"{space.name}.tuning") / "study.jsonl"


def _open_study(project: Project, path: Path, split: str) -> Study:
    """Open the study of this configuration and these rows; another one begins where they change."""
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            "tuning needs optuna, which is not installed; install the extra `spaner[tune]`"
        ) from error
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(path))),
        study_name=_study_name(project, split),
        sampler=optuna.samplers.TPESampler(seed=project.config.training.seed),
        direction="maximize",
        load_if_exists=True,
    )


def _study_name(project: Project, split: str) -> str:
    """Name what decides a trial besides its settings, so that no two kinds of trials are mixed."""
    manifest = hashlib.sha256(project.config.data.manifest.read_bytes()).hexdigest()
    streams = [
        project.assembly.stream_identity(name, project.store).folder
        for name in project.config.modalities
    ]
    aligners = {
        name: dict(project.assembly.options[name].aligner) for name in project.config.modalities
    }
    decided = [split, manifest, streams, asdict(project.config.recipe), aligners]
    return hashlib.sha256(json.dumps(decided, sort_keys=True, default=str).encode()).hexdigest()[
        :16
    ]


def _complete(study: Study) -> list[Any]:
    """Return the finished trials; one whose process was killed never ends, and does not count."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
