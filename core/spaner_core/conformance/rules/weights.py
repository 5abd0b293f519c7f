"""Checks that files named by options count by content, not by place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.errors import SpanerError

LARGEST_BYTES, MOST_FILES = 256 * 2**20, 1000
"""What is copied; a folder with more is another's, or a model that its author tries himself."""


def check_weights(subject: Subject) -> str:
    """A file that an option names counts by its content: a copy the same, other weights another."""
    tried, changed = 0, 0
    for number, (name, path) in enumerate(_named_paths(subject)):
        known = subject.build(**{name: path}).fingerprints
        folder = subject.folder / "copies" / str(number)
        copy = _copy(Path(path), folder / "same")
        if subject.build(**{name: type(path)(copy)}).fingerprints != known:
            raise BrokenRule(
                f"a copy of {name}: {str(path)!r} in another folder has another fingerprint",
                "the same: who opens a space has the weights elsewhere",
                "let the fingerprint cover the content (fingerprint_module), and no path",
            )
        other = _copy(Path(path), folder / "changed")
        if _change_weights(other):
            changed += 1
            if _fingerprints(subject, **{name: type(path)(other)}) == known:
                raise BrokenRule(
                    f"a copy of {name}: {str(path)!r} with other weights has the same fingerprint",
                    "another: features of other weights would be taken for these",
                    "let the fingerprint cover the weights (fingerprint_module)",
                )
        tried += 1
    return f"{tried} copied, {changed} changed" if tried else "no option names a file"


def _named_paths(subject: Subject) -> Iterator[tuple[str, str | Path]]:
    """Find options that name a file or folder by its whole path, and small enough to be copied."""
    examples = subject.examples
    for options in (examples.options, examples.changing, examples.neutral):
        for name, value in options.items():
            if isinstance(value, str | Path) and _is_copied(Path(value)):
                yield name, value


def _is_copied(path: Path) -> bool:
    if not path.is_absolute() or not path.exists():
        return False
    size = 0
    for number, file in enumerate(_files(path)):
        size += file.stat().st_size
        if size > LARGEST_BYTES or number > MOST_FILES:
            return False
    return size > 0


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())


def _copy(path: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(path, target)
    return target


def _change_weights(path: Path) -> bool:
    """Make all weights half as large again, in every .safetensors file; tell if there are any."""
    weights = [file for file in _files(path) if file.suffix == ".safetensors"]
    for file in weights:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata()
        tensors = load_file(file)
        for tensor in tensors.values():
            if tensor.is_floating_point():
                tensor *= 1.5
        file.unlink()  # it may be open, and is not written over
        save_file(tensors, file, metadata=metadata)
    return bool(weights)


def _fingerprints(subject: Subject, **changed: object) -> tuple[str, str] | None:
    """Return the fingerprints, or None where weights that were changed are refused."""
    try:
        return subject.build(**changed).fingerprints
    except SpanerError:
        return None
