"""Writes spaces, attached aligners and copies, whole or not at all."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path

from spaner_core.contract.modality import Aligner
from spaner_core.errors import OutputExists, SpaceError
from spaner_core.files.atomic import real_path
from spaner_core.files.ordinary import copy_ordinary
from spaner_core.files.replacing import (
    check_is_space,
    placed_at_end,
    replaced_at_end,
    writing_alone,
)
from spaner_core.method.prompt import SharedPrompt
from spaner_core.space.aligners import fits, write_aligner
from spaner_core.space.destination import check_output, check_place, replaced_hashes
from spaner_core.space.parts import write_receipt
from spaner_core.space.prompts import read_prompt, write_prompt
from spaner_core.space.receipts import RECEIPT, hash_tree
from spaner_core.space.records import AlignerRecord, PromptRecord


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


def copy_space(folder: Path, target: Path, *, overwrite: bool = False) -> Path:
    """Copy the space at `folder` to `target`, byte for byte. Raises `OutputExists` if it exists."""
    check_output(target, overwrite=overwrite)
    if real_path(target).is_relative_to(real_path(folder)):
        raise OutputExists(f"{target} lies in the space itself; give another folder")
    with replaced_at_end(target) as new:
        check_output(target, overwrite=overwrite)
        try:
            shutil.copytree(folder, new, copy_function=copy_ordinary)
        except shutil.Error as error:
            path, _, why = error.args[0][0]
            raise SpaceError(f"{path} cannot be copied ({why}); run `spaner verify`") from error
    return target
