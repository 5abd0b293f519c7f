"""Opens spaces on disk, whole even while another process replaces one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from spaner_core.contract.modality import Aligner
from spaner_core.errors import SpaceError
from spaner_core.files.replacing import check_is_space, find_set_aside, reading_alone, say_set_aside
from spaner_core.space.aligners import Found, Stranger, look_at_aligner, read_aligner
from spaner_core.space.encoders import Encoders
from spaner_core.space.prompts import name_alike, read_prompt
from spaner_core.space.receipts import aligner_folders
from spaner_core.space.records import AlignerRecord
from spaner_core.space.space import Space
from spaner_core.space.trained import SpaceAligner

FindEncoders = Callable[[Mapping[str, AlignerRecord]], Encoders]
"""Gives a space its encoders, by what it recorded of its aligners."""
SpaceT = TypeVar("SpaceT", bound=Space)


def load_space(folder: Path, encoders: FindEncoders) -> Space:
    """Open the space at `folder`, as `load_as` does."""
    return load_as(Space, folder, encoders)


def load_as(kind: type[SpaceT], folder: Path, encoders: FindEncoders) -> SpaceT:
    """Open the space at `folder` as one of a `kind`; aligners are read when first used.

    Where it is replaced at this moment, it is read again, so that it is one or the other. Raises
    `SpaceError` when it is no space, or was made by another format or another prompt.
    """
    before = _state_of(folder)
    check_is_space(folder)
    try:
        space = _read_space(kind, folder, encoders)
    except (SpaceError, OSError):
        if before and _state_of(folder) == before:
            raise
    else:
        if before and _state_of(folder) == before:
            return space
    with reading_alone(folder):
        check_is_space(folder)
        return _read_space(kind, folder, encoders)


def _state_of(folder: Path) -> list[tuple[int, int]]:
    """Return what is another when a space, or a part of it, was replaced; empty while that goes on.

    Inode and time of change of the folders in which something is renamed.
    """
    try:
        places = (folder, folder / "prompt", folder / "aligners")
        found = [path.stat() for path in places if path.exists()]
    except OSError:
        return []
    return [(state.st_ino, state.st_mtime_ns) for state in found]


def _read_space(kind: type[SpaceT], folder: Path, find_encoders: FindEncoders) -> SpaceT:
    stored = read_prompt(folder / "prompt")
    found = {p.name: look_at_aligner(p, stored.blocks) for p in aligner_folders(folder)}
    if found and all(isinstance(part, Stranger) for part in found.values()):
        raise SpaceError(
            f"{folder / 'prompt'} is another prompt ({stored.blocks[-1].fingerprint[:12]}) than "
            "every aligner was trained against: it was changed or replaced. Restore it from a "
            "copy, or train anew"
        )
    whole = {name: part for name, part in found.items() if isinstance(part, Found)}
    blocks, records = name_alike(stored.blocks, {name: p.record for name, p in whole.items()})
    encoders = find_encoders(records)
    build = partial(encoders.recorded_aligner, prompt_dim=stored.record.dim)

    def load_aligner(part: Path, found: Found) -> Aligner:
        try:
            return read_aligner(part, found, build=build)
        except SpaceError:  # it may be replaced at this moment
            with reading_alone(folder):
                return read_aligner(part, found, build=build)

    damaged = {name: str(part) for name, part in found.items() if isinstance(part, SpaceError)}
    for place, copy in find_set_aside(folder).items():
        if place.parent.name == "aligners":
            damaged[place.name] = say_set_aside(place, copy)
    return kind(
        stored.prompt,
        stored.record,
        blocks=blocks,
        aligners={
            name: SpaceAligner(
                record=records[name],
                load=partial(load_aligner, folder / "aligners" / name, part),
                fingerprint=part.fingerprint,
            )
            for name, part in whole.items()
        },
        damaged=damaged,
        encoders=encoders,
        folder=folder,
    )
