"""Checks what reading an input touches, and its look at the beginning."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from spaner_core.conformance.audit import Deed, audited
from spaner_core.conformance.rules.wrong_inputs import wrong_inputs
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.sources import check_ordinary, describe_source
from spaner_core.contract.transform import HeaderCheck
from spaner_core.errors import UnusableInput, one_line

BESIDE = (".json", ".txt", ".xml", ".yaml", ".csv")
"""Suffixes of files that lie beside an input while it is read."""

NEVER_MIND = ("/dev/", "/proc/", "/sys/")


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
    what = source.name if isinstance(source, Path) else describe_source(source)
    raise BrokenRule(
        f"decoding {what} {doing} {path.name if inside else path}",
        "nothing but the input to be read: features are kept under its content",
        advice,
    )


def _may_be_written(path: Path) -> bool:
    """Tell whether it is a temporary file, or one of Python's own."""
    name = str(path)
    own = "__pycache__" in path.parts or name.startswith(NEVER_MIND)
    return own or path.is_relative_to(Path(tempfile.gettempdir()).absolute())


def check_header(subject: Subject) -> str:
    """A look at the beginning of an input refuses nothing that can be used, and never fails."""
    transform = subject.built.transform
    if not isinstance(transform, HeaderCheck):
        return "offers none"
    _ = subject.windows
    for source in subject.examples.inputs:
        try:
            transform.check_header(source)
        except UnusableInput as error:
            raise _refused(describe_source(source), error) from error
    refused = 0
    for what, source in _refusable(subject):
        try:
            transform.check_header(source)
        except UnusableInput as error:
            if _is_read(subject, source):
                raise _refused(what, error) from error
            refused += 1
        except Exception as error:
            raise BrokenRule(
                f"check_header raises {one_line(error)} for {what}",
                "spaner_core.UnusableInput, or no error",
                "catch it and raise UnusableInput from it",
            ) from error
    return f"{len(subject.examples.inputs)} examples pass, {refused} wrong inputs are refused"


def _refusable(subject: Subject) -> Iterator[tuple[str, Path | str]]:
    """Yield the wrong inputs that are ordinary files or texts: nothing else gets so far."""
    for what, source in wrong_inputs(subject):
        try:
            check_ordinary(source)
        except UnusableInput:
            continue
        yield what, source


def _is_read(subject: Subject, source: Path | str) -> bool:
    try:
        subject.built.windows([source])
    except Exception:  # which the rule about wrong inputs tells
        return False
    return True


def _refused(what: str, error: UnusableInput) -> BrokenRule:
    return BrokenRule(
        f"check_header refuses {what} ({one_line(error)}), which decode reads",
        "only what decode refuses as well to be refused",
        "look at no more than decode needs",
    )
