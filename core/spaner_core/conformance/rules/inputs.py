"""Checks wrong inputs, what counts in a file, and names of concepts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spaner_core.conformance.built import Built
from spaner_core.conformance.comparing import features_difference
from spaner_core.conformance.rules.wrong_inputs import wrong_inputs
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.modality import LabelAligner
from spaner_core.errors import DataError, UnusableInput, one_line
from spaner_core.features.rows import FeatureRows
from spaner_core.method.prompt import anchors_from_labels

OLD_S = 978_307_200
"""The date of a copy, the first of January 2001."""


def check_wrong_inputs(subject: Subject) -> str:
    """What cannot be read is refused with UnusableInput; nothing else is ever raised."""
    built, refused, total = subject.built, 0, 0
    for what, source in wrong_inputs(subject):
        is_refused = _is_refused(built, source, what=what)
        if not is_refused and isinstance(source, Path) and not source.exists():
            raise BrokenRule(f"{what} is read", "UnusableInput", "open the file in decode")
        refused, total = refused + is_refused, total + 1
    return f"{refused} of {total} refused, the others read"


def _is_refused(built: Built, source: Path | str, *, what: str) -> bool:
    try:
        built.encode(built.windows([source]))
    except UnusableInput as error:
        if not str(error).strip() or len(str(error).splitlines()) != 1:
            raise BrokenRule(
                f"{what} is refused with {str(error)!r}",
                "the reason in one line",
                "say what was given, what was expected and what to do",
            ) from error
        return True
    except Exception as error:
        raise BrokenRule(
            f"{what} raises {one_line(error)}",
            "spaner_core.UnusableInput, which names the row and lets the others be used",
            "catch it in decode and raise UnusableInput from it",
        ) from error
    return False


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
    copies: dict[Path | str, Path] = {}
    for number, source in enumerate(files):
        folder = subject.folder / "other names" / str(number)  # each alone in its own
        folder.mkdir(parents=True, exist_ok=True)
        copies[source] = folder / f"copy {number}{source.suffix}"
        shutil.copyfile(source, copies[source])
        os.utime(copies[source], (OLD_S, OLD_S))
    known, inputs = subject.features, subject.examples.inputs
    try:
        given = subject.built.features([copies.get(source, source) for source in inputs])
        difference = features_difference(given, known)
    except DataError as error:
        difference = one_line(error)
    if difference is not None:
        raise BrokenRule(
            f"features differ when each file is copied to another folder and name: {difference}",
            "the same: features are kept under what a file holds and its suffix",
            "read nothing but the file itself; an archive holds several",
        )
    return f"{len(files)} files under other names"


def check_labels(subject: Subject) -> str:
    """A modality that embeds the names of concepts has a reader and starts from their map."""
    if not subject.modality.embeds_labels:
        return "does not embed the names of concepts"
    if not subject.modality.inline:
        raise BrokenRule(
            "embeds_labels is true and inline is false",
            "names of concepts to be inputs themselves",
            "set inline, or leave embeds_labels out",
        )
    fitted = subject.fit()
    aligner: Any = fitted.aligner
    if not isinstance(aligner, LabelAligner):
        raise BrokenRule(
            f"embeds_labels is true and the aligner is a {type(aligner).__name__}",
            "an aligner with reader and start_from",
            "build spaner_core.CrossAttentionAligner, or leave embeds_labels out",
        )
    read = _read_names(aligner, fitted.rows)
    before = fitted.align().direction
    made = anchors_from_labels(
        read,
        dim=fitted.anchors.shape[1],
        whitening=0.1,
        generator=torch.Generator().manual_seed(0),
    )
    aligner.start_from(made.label_map)
    if torch.equal(fitted.align().direction, before):
        raise BrokenRule(
            "start_from changes no direction",
            "the linear map to start at the map that made the anchors",
            "set the weight of the layer that the embedding passes through",
        )
    return f"names are read to {aligner.reader.width} numbers"


def _read_names(aligner: LabelAligner, names: FeatureRows) -> Tensor:
    """Return what the reader gives for `names`, (n, P), which is to be as wide as it says."""
    read, width = aligner.reader(names.values, names.mask).detach(), aligner.reader.width
    if read.shape != (len(names), width) or not torch.isfinite(read).all():
        raise BrokenRule(
            f"the reader gives {tuple(read.shape)}",
            f"finite ({len(names)}, {width}), as its width says",
            "correct the reader or its width",
        )
    return read
