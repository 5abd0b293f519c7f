"""Checks that wrong inputs are refused, and that nothing else is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from spaner_core.conformance.built_encoder import Built
from spaner_core.conformance.noted_transform import name_of
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.error_lines import with_place
from spaner_core.contract.sources import check_ordinary
from spaner_core.contract.transform import HeaderCheck
from spaner_core.errors import UnusableInput

NOISE = random.Random(0).randbytes(512)


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
    except (Exception, SystemExit) as error:
        raise BrokenRule(
            f"{what} raises {with_place(error)}",
            "spaner_core.UnusableInput, which names the row and lets the others be used",
            "catch it in decode and raise UnusableInput from it",
        ) from error
    return False


def wrong_inputs(subject: Subject) -> Iterator[tuple[str, Path | str]]:
    """Name and write them, those of the examples' suffixes and those cut from the examples."""
    folder = subject.folder / "wrong inputs"
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in subject.modality.suffixes:
        yield f"a missing {suffix} file", folder / f"missing{suffix}"
        (folder / f"folder{suffix}").mkdir(exist_ok=True)
        yield f"a folder named {suffix}", folder / f"folder{suffix}"
        for what, content in (("an empty", b""), ("a random", NOISE)):
            path = folder / f"{len(content)} bytes{suffix}"
            path.write_bytes(content)
            yield f"{what} {suffix} file", path
    for number, source in enumerate(subject.examples.inputs):
        if isinstance(source, Path) and source.is_file():
            whole = source.read_bytes()
            cut = folder / f"half{number}{source.suffix}"
            cut.write_bytes(whole[: len(whole) // 2])
            yield f"the first half of {source.name}", cut
    if subject.modality.inline:
        yield "an empty text", ""
        yield "a text of white space", " \n"


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
            raise _refused(name_of(source), error) from error
    refused = 0
    for what, source in _refusable(subject):
        try:
            transform.check_header(source)
        except UnusableInput as error:
            if _is_read(subject, source):
                raise _refused(what, error) from error
            refused += 1
        except (Exception, SystemExit) as error:
            raise BrokenRule(
                f"check_header raises {with_place(error)} for {what}",
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
        f"check_header refuses {what} with {str(error)!r}, although decode reads it",
        "check_header to refuse nothing that decode reads",
        "let it pass whatever it is not sure of: decode has the last word",
    )
