"""Checks that a file's content alone decides its features."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch

from spaner_core.conformance.audit import Deed, audited
from spaner_core.conformance.comparing import features_difference
from spaner_core.conformance.noted_transform import name_of
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.errors import DataError, UnusableInput, one_line

OTHER_FOLDERS = ("a", "bb", "ccc")
"""Of different lengths: those of whole paths are even and odd, and of every rest by three."""

OLD_S = 978_307_200
"""The date of a copy, the first of January 2001."""

BESIDE = (".json", ".txt", ".xml", ".yaml", ".csv")
"""Suffixes of files that lie beside an input while it is read."""

NEVER_MIND = ("/dev/", "/proc/", "/sys/")


def check_file_contents(subject: Subject) -> str:
    """What is in a file decides its features, not its name nor what stood there before."""
    folder = subject.folder / "other contents"
    folder.mkdir(parents=True, exist_ok=True)
    inputs, tried = subject.examples.inputs, 0
    places = [place for place, source in enumerate(inputs) if isinstance(source, Path)]
    if len(places) < 2:
        return "fewer than two example files"
    for place, other in zip(places, places[1:] + places[:1], strict=True):
        path = folder / Path(inputs[place]).name
        try:
            for source in (inputs[place], inputs[other]):
                shutil.copyfile(source, path)
                given = subject.built.features([path])
        except DataError:
            continue  # a format that goes by the suffix
        known = subject.features.take(torch.tensor([place]))
        if features_difference(given, known) is None:
            raise BrokenRule(
                f"{path.name} with the content of {Path(inputs[other]).name} has the features of "
                f"another {path.name}",
                "features of what is in the file",
                "keep nothing that was read under a file's name",
            )
        tried += 1
    return f"{tried} files with the content of another"


def check_file_names(subject: Subject) -> str:
    """Neither a file's name, folder and date nor other files there decide its features."""
    files = [source for source in subject.examples.inputs if isinstance(source, Path)]
    for name in OTHER_FOLDERS if files else ():
        difference = _moved(subject, files, subject.folder / "other names" / name)
        if difference is not None:
            raise BrokenRule(
                f"features differ when files are copied to another folder and name: {difference}",
                "the same: features are kept under what a file holds and its suffix",
                "read nothing but the file itself; an archive holds several",
            )
    return f"{len(files)} files under {len(OTHER_FOLDERS)} other names each"


def _moved(subject: Subject, files: Sequence[Path], folder: Path) -> str | None:
    """Copy files to a folder, each alone in its own; say how features differ, None for not."""
    copies: dict[Path | str, Path] = {}
    for number, source in enumerate(files):
        copies[source] = folder / str(number) / f"copy {number}{source.suffix}"
        copies[source].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copies[source])
        os.utime(copies[source], (OLD_S, OLD_S))
    inputs = [copies.get(source, source) for source in subject.examples.inputs]
    known = subject.features
    try:
        return features_difference(subject.built.features(inputs), known)
    except DataError as error:
        return one_line(error)


def check_reading(subject: Subject) -> str:
    """Reading an input writes nothing, asks no other machine and looks at no file beside it."""
    transform = subject.built.transform
    _ = subject.windows  # by now all is imported that ever is
    for number, source in enumerate(subject.examples.inputs):
        given = source
        if isinstance(source, Path):
            given = _laid_out(source, subject.folder / "watched" / str(number))
        with audited() as deeds, suppress(UnusableInput):  # which the rule about names tells
            list(transform.prepare(transform.decode(given)))
        for deed in deeds:
            _check_deed(deed, given)
    return f"{len(subject.examples.inputs)} inputs, nothing but themselves"


def _laid_out(source: Path, folder: Path) -> Path:
    """Copy a file to a folder with others, as people keep them."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / source.name
    for suffix in BESIDE:
        target.with_suffix(suffix).write_text("{}", encoding="utf-8")
        target.with_name(f"{target.name}{suffix}").write_text("{}", encoding="utf-8")
    shutil.copyfile(source, target)
    return target


def _check_deed(deed: Deed, source: Path | str) -> None:
    doing, path = deed
    folder = source.parent if isinstance(source, Path) else None
    inside = folder is not None and path.is_relative_to(folder)
    if doing == "asks":
        advice = "let the input hold all that it needs"
    elif doing == "writes" and (inside or not _may_be_written(path)):
        advice = "write nothing, or to a temporary file of your own"
    elif doing in ("reads", "lists") and inside and path != source:
        advice = "read the file itself alone; an archive holds several"
    else:
        return
    raise BrokenRule(
        f"decoding {name_of(source)} {doing} {path.name if inside else path}",
        "nothing but the input to be read: features are kept under its content",
        advice,
    )


def _may_be_written(path: Path) -> bool:
    """Tell whether it is a temporary file, or one of Python's own."""
    name = str(path)
    own = "__pycache__" in path.parts or name.startswith(NEVER_MIND)
    return own or path.is_relative_to(Path(tempfile.gettempdir()).absolute())
