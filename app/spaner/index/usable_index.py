"""Opens the index of a modality, where it fits the space."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from spaner_core.errors import SpaceError
from spaner_core.features.inputs import stamp_of

from spaner.index.files import ModalityIndex, open_index
from spaner.index.records import IndexKey
from spaner.project import Project
from spaner.space_files import INDEX, beside


def index_folder(space: Path) -> Path:
    """Return where the index of the space at `space` is: beside it, never within."""
    return beside(space, INDEX)


def current_key(project: Project, modality: str) -> IndexKey:
    """Return what vectors of a modality depend on today. Raises `SpaceError` as `vector_key`."""
    key = asdict(project.space.vector_key(modality))
    wanted = ("encoder", "transform", "aligner", "prompt")
    return IndexKey(**{name: key[name] for name in wanted}, dtype=project.config.features.dtype)


def manifest_stamp(project: Project) -> tuple[int, ...]:
    """Return what tells whether the manifest's file was changed; nothing where it is not there."""
    try:
        return tuple(stamp_of(project.config.data.manifest.stat()))
    except OSError:
        return ()


def usable_index(project: Project, modality: str) -> ModalityIndex | None:
    """Return the index of a modality; None where there is none.

    Says so where the manifest is no longer the one that was indexed. Raises `SpaceError` where the
    index does not fit the space, or is broken, and where the declared encoder does not.
    """
    folder = index_folder(project.config.space)
    index = open_index(folder, modality)
    if index is None:
        return None
    if differing := index.record.key.differing(current_key(project, modality)):
        raise SpaceError(
            f"the index of {modality!r} in {folder} was made with another "
            f"{' and another '.join(differing)} than the space has now; bring it up to date with "
            f"`spaner index {modality}`, or remove {folder}"
        )
    if _is_declared_otherwise(project, modality):
        project.space.check_modality(modality)  # which builds the encoder, maybe from a large model
    if index.record.manifest != manifest_stamp(project):
        project.say(
            f"{project.config.data.manifest} has changed since it was indexed: rows as they were "
            "then are searched; `spaner index` brings the index up to date"
        )
    return index


def _is_declared_otherwise(project: Project, modality: str) -> bool:
    """Tell whether the configuration gives an encoder other options than the space recorded."""
    declared = project.config.modalities[modality].encoder
    return dict(declared) != dict(project.space.records[modality].encoder_options)
