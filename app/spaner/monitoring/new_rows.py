"""Reads new rows, and extracts their features beside those of the project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spaner_core.data.manifest import Manifest, read_manifest
from spaner_core.errors import ConfigError, DataError, SpaceError
from spaner_core.features.store import Use
from spaner_core.files.atomic import real_path

from spaner.project import Project
from spaner.usable_rows import UsableRows


def read_new(project: Project, path: Path, names: Sequence[str]) -> tuple[Manifest, list[str]]:
    """Read a manifest of new data; return it and its modalities, of `names` only with these.

    Raises `DataError` for a manifest that is wrong or has no row of one of `names`, `ConfigError`
    for the project's own and for what is not declared, `SpaceError` for a modality that the space
    has not.
    """
    project.config.check_declared(names)
    if real_path(path) == real_path(project.config.data.manifest):
        raise ConfigError(
            f"{path} is the project's own manifest; expected one of new data, which is compared "
            "with it; name that"
        )
    new = read_manifest(path, unlabelled=True)
    wanted = list(dict.fromkeys(names)) or list(new.modalities)
    known = project.space.modalities
    for name in wanted:
        if name not in new.modalities:
            raise DataError(
                f"{path}: no row of modality {name!r}; it has rows of "
                f"{', '.join(new.modalities)}; name one of these"
            )
        if name not in known:
            raise SpaceError(
                f"{path}: {len(new.select(name))} rows are of modality {name!r}, which the space "
                f"{project.config.space} has not (it has {', '.join(known)}); correct the rows, or "
                "name the modalities to look at behind the file"
            )
    return new, wanted


def new_features(project: Project, new: Manifest, modality: str) -> tuple[UsableRows, int]:
    """Give the samples of a modality that can be used, and count the others.

    Their features stay in the project's store, for the next time; the project's own rows and its
    table of unusable ones are left alone.
    """
    rows = new.select(modality).samples
    stream = project.assembly.stream_identity(modality, project.store)
    project.store.note_use(
        Use(
            config=str(project.config.path.absolute()),
            manifest=str(new.path.absolute()),
            modality=modality,
            stream=stream.folder,
        )
    )
    found = project.assembly.extract_stored(
        modality,
        project.sources(modality, rows, folder=new.path.parent),
        store=project.store,
        max_unusable=len(rows),
    )
    if found.unusable:
        place, reason = next(iter(found.unusable.items()))
        project.say(
            f"{new.path}: {len(found.unusable)} of {len(rows)} rows of {modality!r} cannot be used "
            f"and are left out, the first in line {rows[place].line}: {reason}"
        )
    usable = UsableRows(
        rows.take(found.usable), found.rows, contents=found.keys, extracted=found.extracted
    )
    return usable, len(found.unusable)
