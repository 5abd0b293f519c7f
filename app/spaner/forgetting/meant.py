"""Finds the rows that are meant by an id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyarrow import compute as pc
from spaner_core.data.manifest import Manifest, read_manifest
from spaner_core.errors import DataError, PluginError, SpaceError
from spaner_core.features.inputs import KeyedInput, key_inputs

from spaner.index.files import open_index
from spaner.index.usable_index import index_folder
from spaner.project import Project
from spaner.search.calibration_file import existing_calibration, familiar_ids


@dataclass(frozen=True, kw_only=True)
class Meant:
    """What is to be forgotten: ids of rows, their inputs, and the keys of their contents.

    `lines` are those of the manifest that list them; `files` are the inputs that are files.
    """

    asked: tuple[str, ...]
    ids: tuple[str, ...]
    inputs: tuple[str, ...]
    contents: tuple[str, ...]
    lines: tuple[int, ...] = ()
    files: tuple[str, ...] = ()


def find_meant(project: Project, asked: Sequence[str]) -> Meant:
    """Find the rows of these ids, and those that hold the same bytes under other ids.

    Looked for are the manifest, rows that were forgotten before included, index and calibration.
    Raises `DataError` for an id that is nowhere, and was not forgotten before.
    """
    manifest = read_manifest(project.config.data.manifest)
    keys = _keys(project, manifest)
    ids = manifest.rows.cells["id"].to_pylist()
    contents = {keys[place] for place, name in enumerate(ids) if name in asked and place in keys}
    indexed = _indexed(project, asked)
    contents |= {content for _, _, content in indexed}
    places = [
        place for place, name in enumerate(ids) if name in asked or keys.get(place) in contents
    ]
    found = {*(ids[place] for place in places), *(name for name, _, _ in indexed)}
    found |= _calibrated(project)
    for name in asked:
        if not (name in found or project.forgotten.when(name)):
            raise DataError(
                f"{name}: no row of {manifest.path} has that id, nor of the index; give the id "
                "that a hit shows, or one of the manifest"
            )
    rows = manifest.rows.take(places)
    files = [str(manifest.path.parent / row.input) for row in rows]
    return Meant(
        asked=tuple(dict.fromkeys(asked)),
        ids=tuple(dict.fromkeys((*asked, *(row.id for row in rows)))),
        inputs=tuple(
            dict.fromkeys([*(row.input for row in rows), *(one for _, one, _ in indexed)])
        ),
        contents=tuple(sorted(contents)),
        lines=tuple(row.line for row in rows),
        files=tuple(dict.fromkeys(file for file in files if _is_file(file))),
    )


def _keys(project: Project, manifest: Manifest) -> dict[int, str]:
    """Return the keys of contents by the places of rows, of those that can be read."""
    found: dict[int, str] = {}
    names = manifest.rows.cells["modality"].to_pylist()
    for name in project.config.modalities:
        places = [place for place, modality in enumerate(names) if modality == name]
        try:
            sources = project.sources(name, manifest.rows.take(places))
        except PluginError:  # it is absent or broken: its rows are known by their ids alone
            continue
        keyed = key_inputs(sources, project.store.hashes.hash_file)
        for place, given in zip(places, keyed, strict=True):
            if isinstance(given, KeyedInput):
                found[place] = given.key
    return found


def _indexed(project: Project, asked: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return id, input and key of the content of indexed rows."""
    found, folder = [], index_folder(project.config.space)
    for record in sorted(folder.glob("*.json")):
        try:
            index = open_index(folder, record.stem)
        except SpaceError:  # broken: it is removed as a whole
            continue
        if index is not None:
            ids = index.rows.cells["id"]
            for name in asked:
                place = pc.index(ids, name).as_py()
                if place >= 0:
                    found.append((name, index.rows[place].input, index.contents[place].as_py()))
    return found


def _calibrated(project: Project) -> set[str]:
    path = existing_calibration(project.config.space)
    try:
        return set() if path is None else familiar_ids(path)
    except SpaceError:  # broken: it is removed as a whole
        return set()


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # no name of a file: an input itself
        return False
