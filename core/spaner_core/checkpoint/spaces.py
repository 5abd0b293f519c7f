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
from spaner_core.checkpoint.parts import CONFIG, write_receipt
from spaner_core.checkpoint.prompts import read_prompt, write_prompt
from spaner_core.errors import OutputExists, SpaceError
from spaner_core.modality import Aligner
from spaner_core.prompt import SharedPrompt
from spaner_core.receipts import RECEIPT, hash_tree, read_receipt
from spaner_core.records import AlignerRecord, PromptRecord
from spaner_core.replacing import (
    check_is_space,
    placed_at_end,
    replaced_at_end,
    settle,
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
    is written. Raises `OutputExists` if `folder` exists and `overwrite` is false, and
    `SpaceError` if what exists is no space.
    """
    check_output(folder, overwrite=overwrite)
    with writing_alone(folder), replaced_at_end(folder) as new:
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
        settle(folder)
        return _place_aligner(folder, aligner, record, replace=replace)


def _place_aligner(folder: Path, aligner: Aligner, record: AlignerRecord, *, replace: bool) -> Path:
    part = f"aligners/{record.modality}"
    if (folder / part).exists() and not replace:
        raise OutputExists(_has_modality(folder, record.modality))
    blocks = read_prompt(folder / "prompt").blocks
    if not fits(record, blocks):
        raise SpaceError(
            f"{folder}/prompt is another prompt ({blocks[-1].fingerprint[:12]}) than the one that "
            f"{record.modality!r} was trained against ({record.prompt_fingerprint[:12]}); attach "
            "it again"
        )
    before = {k: v for k, v in hash_tree(folder).items() if not k.startswith(f"{part}/")}
    replaced = _replaced_hashes(folder / part) if replace else {}
    placing = replaced_at_end if replace else placed_at_end
    try:
        with placing(folder / part, beside=folder) as new:
            write_aligner(new, aligner, record)
            own = {f"{part}/{name}": value for name, value in hash_tree(new).items()}
            others = {k: v for k, v in hash_tree(folder).items() if not k.startswith(f"{part}/")}
            files = {**others, **own}
            write_receipt(new, part, before=before, files=files, replaced=replaced)
    except FileExistsError:
        raise OutputExists(_has_modality(folder, record.modality)) from None
    return folder / part / RECEIPT


def load_space(folder: Path, *, build_aligner: AlignerBuilder) -> Space:
    """Open the space at `folder`; aligners are read when first used.

    Raises `SpaceError` when it is no space, or was made by another format or another prompt.
    """
    check_is_space(folder)
    stored = read_prompt(folder / "prompt")
    parts = [path for path in sorted(folder.glob("aligners/*")) if path.is_dir()]
    found = {path.name: look_at_aligner(path, stored.blocks) for path in parts}
    if found and all(isinstance(part, Stranger) for part in found.values()):
        raise SpaceError(
            f"{folder / 'prompt'} is another prompt ({stored.blocks[-1].fingerprint[:12]}) than "
            "every aligner was trained against: it was changed or replaced. Restore it from a "
            "copy, or train anew"
        )
    whole = {name: part for name, part in found.items() if isinstance(part, Found)}

    def load_aligner(name: str) -> Aligner:
        return read_aligner(folder / "aligners" / name, whole[name], build=build_aligner)

    return Space(
        stored.prompt,
        stored.record,
        blocks=stored.blocks,
        records={name: part.record for name, part in whole.items()},
        fingerprints={name: part.fingerprint for name, part in whole.items()},
        damaged={n: str(part) for n, part in found.items() if isinstance(part, SpaceError)},
        load_aligner=load_aligner,
    )


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Raise `OutputExists` or `SpaceError` if a new space must not be written to `folder`."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / "prompt" / CONFIG).is_file():
        raise OutputExists(f"{folder} exists and is no space; give another --space")
    if not overwrite:
        raise OutputExists(
            f"{folder} holds a space already; add a modality with `spaner attach NAME`, or train "
            "anew with --overwrite"
        )


def check_attachable(space: Space, folder: Path, modality: str, *, replace: bool = False) -> None:
    """Raise `OutputExists` if the space has `modality` already, unless it is to be replaced.

    Raises `SpaceError` if there is nothing to replace.
    """
    exists = modality in space.records or modality in space.damaged
    if exists and not replace:
        raise OutputExists(_has_modality(folder, modality))
    if replace and not exists:
        raise SpaceError(
            f"{folder} has no modality {modality!r} to replace; it has "
            f"{', '.join(space.modalities) or 'none'}. Leave --replace out to attach it"
        )


def _has_modality(folder: Path, modality: str) -> str:
    return (
        f"{folder} has the modality {modality!r} already; give --replace to train its aligner anew "
        "(its old embeddings will not fit any more), or another --space"
    )


def _replaced_hashes(folder: Path) -> dict[str, list[str]]:
    """Return every SHA-256 that each of a part's files has had, its present one last.

    One that was damaged has had that which its receipt says, too.
    """
    receipt = read_receipt(folder / RECEIPT)
    found: dict[str, list[str]] = {}
    for name, value in hash_tree(folder).items():
        was = [*receipt["replaced"].get(name, []), receipt["own"].get(name, value), value]
        found[name] = list(dict.fromkeys(was))
    return found
