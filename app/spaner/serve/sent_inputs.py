"""Reads what a client sent: says whose it is, and decodes it."""

from __future__ import annotations

from dataclasses import dataclass

from spaner_core.contract.hookspecs import HEAD_BYTES
from spaner_core.contract.sources import describe_source
from spaner_core.contract.transform import Content, TakenSample
from spaner_core.errors import DataError, UnusableInput

from spaner.project import Project
from spaner.recognition import only_one, recognise, taking_texts
from spaner.serve.requests import SentInput


@dataclass(frozen=True, kw_only=True)
class ReadInput:
    """An input that was decoded from what a client sent, and never written.

    `text` is that of one that was sent as a text.
    """

    modality: str
    taken: TakenSample
    text: str | None


def read_input(project: Project, sent: SentInput) -> ReadInput:
    """Decode an input in memory.

    Raises `ConfigError` where several modalities or none may be meant, `DataError` where it cannot
    be read, and as `Project.assembly`.
    """
    source = sent.source()
    described = describe_source(source)
    names = [sent.modality] if sent.modality else candidates(project, source)
    name = only_one(project, names, given=described, how="as modality")
    project.config.check_declared([name])
    if isinstance(source, str) and name not in taking_texts(project):
        raise DataError(f"{name!r} takes no text; send the bytes of a file as data, with its name")
    try:
        sample = project.assembly.modality(name).transform.decode(source)
    except UnusableInput as error:
        raise DataError(f"{described}: {error}") from error
    text = source if isinstance(source, str) else None
    return ReadInput(modality=name, taken=TakenSample(sample, described), text=text)


def candidates(project: Project, source: str | Content) -> list[str]:
    """Name the declared modalities that an input may be of; a text is never read as a path."""
    if isinstance(source, str):
        return taking_texts(project)
    return recognise(project, source.data[:HEAD_BYTES], source.suffix or None)
