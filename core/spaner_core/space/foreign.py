"""Finds files in a space's folder that are not the space's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from spaner_core.errors import SpaceError
from spaner_core.files.documents import read_json
from spaner_core.space.parts import CARD, CONFIG, WEIGHTS
from spaner_core.space.receipts import RECEIPT, read_receipt

FILES = (CONFIG, WEIGHTS, RECEIPT, CARD)
"""All that a part consists of."""

ALIGNER_KEYS = {"format_version", "modality", "prompt_fingerprint"}
BLOCK_KEYS = {"format_version", "concepts", "anchors"}
"""By which the record of an aligner, and of the prompt or a later block, is told from others'."""

SHOWN = 3
_BLOCK = re.compile(r"block-\d{4,}")


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
