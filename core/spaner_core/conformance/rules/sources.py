"""Checks inputs that are in no file: uploads, and objects of libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from spaner_core.conformance.comparing import contents, difference, not_finite
from spaner_core.conformance.rules.wrong_inputs import NOISE, wrong_inputs
from spaner_core.conformance.similar_objects import similar_objects
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.error_lines import with_place
from spaner_core.contract.hookspecs import HEAD_BYTES
from spaner_core.contract.transform import Content, Sample, TakesObjects
from spaner_core.errors import SpanerError, UnusableInput

OTHER_NAME = "../sent by somebody"
FOREIGN = ".no-such-format"


def check_sent_contents(subject: Subject) -> str:
    """The bytes of a file give the same sample as the file, whatever they are called."""
    _ = subject.windows  # of an example that cannot be read, one rule tells
    decode, tried = subject.built.transform.decode, 0
    for source, sample in zip(_files(subject), _samples_of_files(subject), strict=True):
        given = decode(Content(source.read_bytes(), name=OTHER_NAME, suffix=source.suffix.lower()))
        if (place := difference(given, contents(sample))) is not None:
            raise BrokenRule(
                f"the bytes of {source.name} give another sample than the file ({place})",
                "the same",
                "let decode read the data of a Content as it reads a file; its name says nothing",
            )
        tried += 1
    for what, wrong in wrong_inputs(subject):
        if isinstance(wrong, Path) and wrong.is_file():
            _check_refusal(subject, what, Content(wrong.read_bytes(), "sent", wrong.suffix))
    return f"{tried} files"


def _files(subject: Subject) -> list[Path]:
    """Return the example files; where all are texts, write these to files."""
    given = [source for source in subject.examples.inputs if isinstance(source, Path)]
    return given or list(_written(subject))


def _written(subject: Subject) -> Iterator[Path]:
    folder = subject.folder / "texts"
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in subject.modality.suffixes[:1]:
        for number, text in enumerate(subject.examples.inputs):
            path = folder / f"{number}{suffix}"
            path.write_text(str(text), encoding="utf-8")
            yield path


def _samples_of_files(subject: Subject) -> list[Any]:
    return [subject.built.transform.decode(path) for path in _files(subject)]


def _check_refusal(subject: Subject, what: str, content: Content) -> None:
    try:
        subject.built.transform.decode(content)
    except UnusableInput:
        return
    except (Exception, SystemExit) as error:
        raise BrokenRule(
            f"{what} raises {with_place(error)} when its bytes are sent",
            "spaner_core.UnusableInput, as for the file",
            "catch it in decode and raise UnusableInput from it",
        ) from error


def check_recognition(subject: Subject) -> str:
    """Examples are recognised by their beginning and suffix, and noise is not."""
    if not subject.arguments("spaner_recognise"):
        return "by the suffix"
    for source in _files(subject):
        head = source.read_bytes()[:HEAD_BYTES]
        if _recognises(subject, head, source.suffix.lower()) is not True:
            raise BrokenRule(f"{source.name} is not recognised", "True", "look at the suffix")
    for what, head in {"noise": NOISE, "nothing at all": b""}.items():
        if _recognises(subject, head, FOREIGN):
            raise BrokenRule(
                f"{what} with the suffix {FOREIGN} is recognised",
                "False: every modality would claim every input",
                "recognise what begins as the formats do, or has their suffixes",
            )
    return f"{len(_files(subject))} files"


def _recognises(subject: Subject, head: bytes, suffix: str | None) -> bool:
    given = subject.ask("spaner_recognise", head=head, suffix=suffix)
    if not isinstance(given, bool):
        raise BrokenRule(
            f"spaner_recognise gives {given!r}", "True or False", "compare, and return the outcome"
        )
    return given


def check_taken_objects(subject: Subject) -> str:
    """Objects of libraries are taken as they are, and those of other modalities are not."""
    transform = subject.built.transform
    if not isinstance(transform, TakesObjects):
        if subject.examples.objects:
            raise BrokenRule(
                f"{len(subject.examples.objects)} example objects were given, and the transform "
                "has no take",
                "take(value), which makes a sample of an object",
                "add it, or leave the objects out",
            )
        return "takes none"
    _check_own_objects(subject)
    known = [what for what, value in _objects() if _knows(subject, value, what=what)]
    if transform.take(object()) is not None:
        raise BrokenRule(
            "take gives a sample for a plain object()",
            "None, which says that it is another's",
            "look at its type",
        )
    others = f", knows {', '.join(known)}" if known else ""
    return f"{len(subject.examples.objects)} of its own{others}"


def _check_own_objects(subject: Subject) -> None:
    """Take the example objects: each gives a sample of the kind that decode gives, and features."""
    objects = subject.examples.objects
    if not objects:
        raise BrokenRule(
            "take is offered, and the examples have no objects to try it on",
            "at least one in Examples.objects",
            "add an object such as people hold: an image, an array with its rate",
        )
    kinds = {type(sample) for sample in subject.samples()}
    for number, value in enumerate(objects, start=1):
        what = f"example object {number}, a {type(value).__name__}"
        try:
            sample = _take(subject, value, what=what)
        except UnusableInput as error:
            raise BrokenRule(
                f"take refuses {what} ({error})", "a sample", "mend the object, or take"
            ) from error
        if sample is None:
            raise BrokenRule(f"take gives None for {what}", "a sample", "look at its type again")
        if type(sample) not in kinds:
            raise BrokenRule(
                f"take makes a {type(sample).__name__} of {what}",
                f"what decode gives: {' or '.join(sorted(kind.__name__ for kind in kinds))}",
                "make the same kind of sample: prepare, previews and noise take either",
            )
        for similar in similar_objects(value):
            with suppress(SpanerError):  # not every such object can be used
                _take(subject, similar, what=what)


def _knows(subject: Subject, value: object, *, what: str) -> bool:
    try:
        return _take(subject, value, what=what) is not None
    except SpanerError:  # an object of this modality that cannot be used
        return True


def _take(subject: Subject, value: object, *, what: str) -> Sample | None:
    """Take and encode an object; raises `BrokenRule` where that changes it, or gives NaN."""
    transform: Any = subject.built.transform
    before = contents(value)
    try:
        sample: Sample | None = transform.take(value)
        if sample is not None:
            rows = subject.built.encode(list(transform.prepare(sample)))
            if not_finite(rows.values) is not None:
                raise BrokenRule(
                    f"features of {what} are NaN or infinite", "finite ones", "look at its numbers"
                )
    finally:
        if (place := difference(value, before)) is not None:
            raise BrokenRule(
                f"take changes {what} ({place})", "what is passed in to be left as it is", "copy it"
            )
    return sample


def _objects() -> Iterator[tuple[str, object]]:
    """Make objects of libraries that are installed, such as people hold them."""
    numpy, torch = import_module("numpy"), import_module("torch")
    wave = numpy.sin(numpy.arange(16_000) / 20).astype("float32")
    yield "an array", wave
    yield "an array with its rate", (wave, 16_000)
    yield "a tensor", torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    yield "a text", "three words here"
    libraries: dict[str, tuple[str, Callable[[Any], object]]] = {
        "PIL.Image": ("an image", lambda module: module.new("RGB", (32, 32), "red")),
        "pandas": ("a data frame", lambda module: module.DataFrame({"a": wave, "b": -wave})),
    }
    for library, (what, make) in libraries.items():
        try:
            yield what, make(import_module(library))
        except ImportError:
            continue
