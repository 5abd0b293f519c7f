"""Whole spaces on disk: written at once, opened, and given one more aligner or a new one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from spaner_core.checkpoint.aligners import (
    Found,
    Stranger,
    fits,
    look_at_aligner,
    read_aligner,
    write_aligner,
)
from spaner_core.checkpoint.outputs import check_output, check_place, replaced_hashes
from spaner_core.checkpoint.parts import write_receipt
from spaner_core.checkpoint.prompts import read_prompt, write_prompt
from spaner_core.errors import OutputExists, SpaceError
from spaner_core.modality import Aligner
from spaner_core.prompt import SharedPrompt
from spaner_core.receipts import RECEIPT, aligner_folders, hash_tree
from spaner_core.records import AlignerRecord, PromptRecord
from spaner_core.replacing import (
    check_is_space,
    find_set_aside,
    placed_at_end,
    reading_alone,
    replaced_at_end,
    say_set_aside,
    writing_alone,
)
from spaner_core.space import AlignerBuilder, Space


def save_space(
    folder: Path,
    prompt: SharedPrompt,
    record: PromptRecord,
    aligners: Mapping[str, tuple[Aligner, AlignerRecord]],
    *,
    overwrite: bool = False,
) -> None:
    """Write a whole space, all of it or nothing.

    Each aligner's `prompt_fingerprint` is filled in here, since it is known only once the prompt
    is written. Raises `OutputExists` as `check_output` does.
    """
    with replaced_at_end(folder) as new:
        check_output(folder, overwrite=overwrite)
        fingerprint = write_prompt(new / "prompt", prompt, record)
        for name, (aligner, aligner_record) in aligners.items():
            filled = dataclasses.replace(aligner_record, prompt_fingerprint=fingerprint)
            write_aligner(new / "aligners" / name, aligner, filled)
        files = hash_tree(new)
        for part in ("prompt", *(f"aligners/{name}" for name in aligners)):
            write_receipt(new / part, part, before={}, files=files)


def save_attached(
    folder: Path, aligner: Aligner, record: AlignerRecord, *, replace: bool = False
) -> Path:
    """Add `aligners/<modality>/` to the space at `folder`; return its receipt's path.

    Every other file is hashed before and after. With `replace` it takes the place of the aligner
    that is there, whose hashes the receipt keeps. Raises `OutputExists` if the space has that
    modality and `replace` is false, and `SpaceError` if its prompt is another one.
    """
    with writing_alone(folder):
        check_is_space(folder)
        return _place_aligner(folder, aligner, record, replace=replace)


def _place_aligner(folder: Path, aligner: Aligner, record: AlignerRecord, *, replace: bool) -> Path:
    part = f"aligners/{record.modality}"
    check_place(folder, record.modality, replace=replace)
    blocks = read_prompt(folder / "prompt").blocks
    if not fits(record, blocks):
        raise SpaceError(
            f"{folder}/prompt is another prompt ({blocks[-1].fingerprint[:12]}) than the one that "
            f"{record.modality!r} was trained against ({record.prompt_fingerprint[:12]}); attach "
            "it again"
        )
    before = {k: v for k, v in hash_tree(folder).items() if not k.startswith(f"{part}/")}
    replaced = replaced_hashes(folder / part)
    placing = replaced_at_end if replace else placed_at_end
    try:
        with placing(folder / part, beside=folder) as new:
            write_aligner(new, aligner, record)
            own = {f"{part}/{name}": value for name, value in hash_tree(new).items()}
            others = {k: v for k, v in hash_tree(folder).items() if not k.startswith(f"{part}/")}
            files = {**others, **own}
            write_receipt(new, part, before=before, files=files, replaced=replaced)
    except FileExistsError as error:  # where the file system knows no locks
        raise OutputExists(
            f"{folder / part} was written by another process meanwhile; attach it again"
        ) from error
    return folder / part / RECEIPT


def load_space(folder: Path, *, build_aligner: AlignerBuilder) -> Space:
    """Open the space at `folder`; aligners are read when first used.

    Where it is replaced at this moment, it is read again, so that it is one or the other. Raises
    `SpaceError` when it is no space, or was made by another format or another prompt.
    """
    before = _state_of(folder)
    check_is_space(folder)
    try:
        space = _read_space(folder, build_aligner)
    except (SpaceError, OSError):
        if before and _state_of(folder) == before:
            raise
    else:
        if before and _state_of(folder) == before:
            return space
    with reading_alone(folder):
        check_is_space(folder)
        return _read_space(folder, build_aligner)


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


def _read_space(folder: Path, build_aligner: AlignerBuilder) -> Space:
    stored = read_prompt(folder / "prompt")
    found = {p.name: look_at_aligner(p, stored.blocks) for p in aligner_folders(folder)}
    if found and all(isinstance(part, Stranger) for part in found.values()):
        raise SpaceError(
            f"{folder / 'prompt'} is another prompt ({stored.blocks[-1].fingerprint[:12]}) than "
            "every aligner was trained against: it was changed or replaced. Restore it from a "
            "copy, or train anew"
        )
    whole = {name: part for name, part in found.items() if isinstance(part, Found)}

    def load_aligner(name: str) -> Aligner:
        part = folder / "aligners" / name
        try:
            return read_aligner(part, whole[name], build=build_aligner)
        except SpaceError:  # it may be replaced at this moment
            with reading_alone(folder):
                return read_aligner(part, whole[name], build=build_aligner)

    damaged = {name: str(part) for name, part in found.items() if isinstance(part, SpaceError)}
    for place, copy in find_set_aside(folder).items():
        if place.parent.name == "aligners":
            damaged[place.name] = say_set_aside(place, copy)
    return Space(
        stored.prompt,
        stored.record,
        blocks=stored.blocks,
        records={name: part.record for name, part in whole.items()},
        fingerprints={name: part.fingerprint for name, part in whole.items()},
        damaged=damaged,
        load_aligner=load_aligner,
    )
