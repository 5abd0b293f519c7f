"""Checks what may be written to a space, before and after work."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from spaner_core.errors import OutputExists, SpaceError
from spaner_core.space.foreign import (
    describe,
    find_foreign,
    find_foreign_in_part,
    holds_parts,
)
from spaner_core.space.receipts import RECEIPT, hash_tree, read_receipt


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Raise `OutputExists` if a new space must not be written to `folder`.

    With `overwrite` it may take the place of a space, whole or damaged, and of nothing else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or not holds_parts(folder):
        raise OutputExists(f"{folder} exists and is no space; give another --space")
    if not overwrite:
        raise OutputExists(
            f"{folder} holds a space already; add a modality with `spaner attach NAME`, or train "
            "anew with --overwrite"
        )
    if foreign := list(find_foreign(folder)):
        raise OutputExists(
            f"{folder} holds more than a space, and nothing else is ever replaced: "
            f"{describe(foreign)}; move that out of it, or give another --space"
        )


def check_attachable(
    folder: Path, modality: str, *, having: Collection[str], replace: bool = False
) -> None:
    """Raise `OutputExists` if the space has `modality` already, unless it is to be replaced.

    `having` are the modalities that it has, damaged ones included. With `replace`, raises
    `SpaceError` if there is nothing to replace or it has no receipt, and `OutputExists` if
    something else lies in its folder.
    """
    if replace and modality not in having:
        raise SpaceError(
            f"{folder} has no modality {modality!r} to replace; it has "
            f"{', '.join(sorted(having)) or 'none'}. Leave --replace out to attach it"
        )
    check_place(folder, modality, replace=replace)


def check_place(folder: Path, modality: str, *, replace: bool) -> None:
    """Raise as `check_attachable`, by what lies in the place of the modality's aligner."""
    part = folder / "aligners" / modality
    if not os.path.lexists(part):
        return
    if not replace:
        raise OutputExists(_has_modality(folder, modality))
    _read_receipt_of(part)
    if foreign := list(find_foreign_in_part(folder, part)):
        raise OutputExists(
            f"{part} holds more than an aligner, and nothing else is ever replaced: "
            f"{describe(foreign)}; move that out of it"
        )


def replaced_hashes(part: Path) -> dict[str, list[str]]:
    """Return every SHA-256 that each of a part's files has had, its present one last.

    One that was damaged has had that which its receipt says, too. Raises `SpaceError` where the
    part has no receipt that can be read.
    """
    if not part.exists():
        return {}
    receipt = _read_receipt_of(part)
    found: dict[str, list[str]] = {}
    for name, value in hash_tree(part).items():
        was = [*receipt["replaced"].get(name, []), receipt["own"].get(name, value), value]
        found[name] = list(dict.fromkeys(was))
    return found


def _read_receipt_of(part: Path) -> dict[str, Any]:
    try:
        return read_receipt(part / RECEIPT)
    except SpaceError as error:  # the hashes in it are those that older receipts need to hold
        raise SpaceError(
            f"{error}; restore it from a copy, or train the space anew with "
            "`spaner train --overwrite`"
        ) from error


def _has_modality(folder: Path, modality: str) -> str:
    return (
        f"{folder} has the modality {modality!r} already; give --replace to train its aligner anew "
        "(its old embeddings will not fit any more), or another --space"
    )
