"""Checks what lies where a space or a part will be written."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from spaner_core.errors import OutputExists, SpaceError
from spaner_core.files.documents import read_json
from spaner_core.space.parts import CARD, CONFIG, WEIGHTS
from spaner_core.space.receipts import RECEIPT, hash_tree, read_receipt

FILES = (CONFIG, WEIGHTS, RECEIPT, CARD)
"""All that a part consists of."""

ALIGNER_KEYS = {"format_version", "modality", "prompt_fingerprint"}
BLOCK_KEYS = {"format_version", "concepts", "anchors"}
"""By which the record of an aligner, and of the prompt or a later block, is told from others'."""

SHOWN = 3
_BLOCK = re.compile(r"block-\d{4,}")


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


def holds_parts(folder: Path) -> bool:
    """Tell whether a space, whole or damaged, is in `folder`."""
    return any(_is_part(folder, path) for path in (folder / "prompt", *folder.glob("aligners/*")))


def find_foreign(space: Path) -> Iterator[Path]:
    """Yield what is in the folder of a space and not of it; of a folder, only itself."""
    for path in sorted(space.iterdir()):
        if path.name == "aligners" and _is_folder(path):
            for part in sorted(path.iterdir()):
                yield from find_foreign_in_part(space, part)
        elif path.name == "prompt":
            yield from _in_prompt(space, path)
        else:
            yield path


def find_foreign_in_part(space: Path, part: Path) -> Iterator[Path]:
    """Yield what is in a part's folder and not of the part, or the folder where it is no part."""
    if not _is_part(space, part):
        yield part
        return
    for path in sorted(part.iterdir()):
        if not (path.name in FILES and _is_file(path)):
            yield path


def describe(paths: Iterable[Path]) -> str:
    """Name the first few of several paths."""
    names = [str(path) for path in paths]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _in_prompt(space: Path, prompt: Path) -> Iterator[Path]:
    for path in find_foreign_in_part(space, prompt):
        if path != prompt and _BLOCK.fullmatch(path.name):
            yield from find_foreign_in_part(space, path)
        else:
            yield path


def _is_part(space: Path, folder: Path) -> bool:
    """Tell whether a folder is a part of the space, as its receipt says.

    Without one that can be read, its record tells: others' models have files of the same names.
    """
    if not _is_folder(folder):
        return False
    try:
        named = read_receipt(folder / RECEIPT)["part"]
    except SpaceError:
        return _has_record(
            folder, ALIGNER_KEYS if folder.parent == space / "aligners" else BLOCK_KEYS
        )
    return bool(named == folder.relative_to(space).as_posix())


def _has_record(folder: Path, keys: set[str]) -> bool:
    try:
        config = read_json(folder / CONFIG)
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and keys <= config.keys()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
