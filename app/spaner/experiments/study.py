"""Keeps what a search for settings has tried, for the next call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core.errors import DataError, one_line
from spaner_core.features.inputs import KeyedInput, key_inputs
from spaner_core.files.atomic import written_at_end
from spaner_core.files.ordinary import LARGEST_LIST, UnfitFile, read_small
from spaner_core.space.receipts import hash_file

from spaner.experiments.retrain import Retraining
from spaner.project import Project
from spaner.space_files import STUDY, beside
from spaner.splits import measured_rows
from spaner.training.plan import read_project_labels, training_rows

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.storages import JournalStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

DAMAGED = (LookupError, TypeError, ValueError, AttributeError, AssertionError, UnfitFile)
"""What is raised for a file with lines that optuna has not written, or that is no file."""


def study_path(project: Project) -> Path:
    """Return the file that keeps what was tried for the configured space."""
    return beside(project.config.space, STUDY) / "study.jsonl"


def open_study(
    project: Project, material: Retraining, path: Path, *, split: str, alone: bool
) -> Study:
    """Open the study of this configuration and this data; another one begins where they change.

    To be called by one process at a time; `alone` says whether a lock makes sure of that. Raises
    `DataError` where the file holds something else than studies.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for left in path.parent.glob(f"{path.name}.lock*") if alone else ():  # of a killed search
        left.unlink()
    name = _study_name(project, material, split)
    try:
        _settle_lines(path)
        return optuna.create_study(
            storage=_storage(path), study_name=name, direction="maximize", load_if_exists=True
        )
    except DAMAGED as error:
        raise DataError(
            f"{path} cannot be read ({one_line(error)}); expected the trials that `spaner tune` "
            "keeps there; remove it, and the search begins anew"
        ) from error


def new_sampler(study: Study, *, seed: int) -> BaseSampler:
    """Return what suggests the next trial, whose draws depend on `seed` and the trial's number.

    So a search draws the same whether it is made by one call or by several, and none is repeated.
    """
    from optuna.samplers import TPESampler

    number = len(study.get_trials(deepcopy=False))
    return TPESampler(seed=(seed + number) % 2**32)


def ended_trials(study: Study) -> list[FrozenTrial]:
    """Return trials that gave a figure or diverged.

    One whose process was killed never ends, and does not count.
    """
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def diverged_trials(study: Study) -> list[FrozenTrial]:
    """Return trials that gave no figure."""
    return [trial for trial in ended_trials(study) if trial.value is None]


def _settle_lines(path: Path) -> None:
    """Remove what was being written when its process or the power went, which optuna waits for.

    Raises `ValueError` where another line is damaged.
    """
    if not path.exists():
        return
    *lines, last = read_small(path, largest=LARGEST_LIST).split(b"\n")
    for line in lines if last == b"" or lines else [last]:
        json.loads(line)
    if last:
        with written_at_end(path) as new:
            new.write_bytes(b"".join(line + b"\n" for line in lines))


def _storage(path: Path) -> JournalStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(path)))


def _study_name(project: Project, material: Retraining, split: str) -> str:
    """Name what decides a trial besides its settings, so that no two kinds of trials are mixed."""
    names = tuple(material.rows)
    decided = [
        split,
        hash_file(project.config.data.manifest),
        {name: list(_input_keys(project, name, split)) for name in names},
        [project.assembly.stream_identity(name, project.store).folder for name in names],
        read_project_labels(project),
        names_of.modality if (names_of := material.material.names) else None,
        asdict(project.config.recipe),
        {name: dict(project.assembly.options[name].aligner) for name in names},
    ]
    content = json.dumps(decided, sort_keys=True, default=str).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _input_keys(project: Project, name: str, split: str) -> Iterator[str]:
    """Give the contents of what a modality is trained and measured on; unusable ones have none."""
    chosen = (training_rows(project, name), measured_rows(project.manifest, name, split))
    sources = [source for rows in chosen for source in project.sources(name, rows)]
    for given in key_inputs(sources, project.store.hashes.hash_file):
        if isinstance(given, KeyedInput):
            yield given.key
