"""Reads what a client sent: says whose it is, and decodes it."""

from __future__ import annotations

from spaner_core.contract.hookspecs import HEAD_BYTES
from spaner_core.contract.sources import describe_source
from spaner_core.contract.transform import Content, TakenSample
from spaner_core.errors import DataError, UnusableInput

from spaner.project import Project
from spaner.recognition import only_one, recognise, taking_texts
from spaner.search.query_parts import QueryPart
from spaner.serve.indexed import modality_of
from spaner.serve.requests import SentInput


def read_part(project: Project, sent: SentInput) -> QueryPart:
    """Decode an input in memory, as a `TakenSample`, or say of which modality a row is.

    A text is never a path. Raises `ConfigError` where several modalities or none may be meant,
    `DataError` where it cannot be read, `Refused` where no row has the id, and as
    `Project.assembly`.
    """
    if sent.id is not None:
        source = sent.modality or modality_of(project, sent.id)
        project.config.check_declared([source])
        return QueryPart(given=sent.id, source=source, is_row=True, weight=sent.weight)
    given = sent.source()
    described = describe_source(given)
    names = [sent.modality] if sent.modality else candidates(project, given)
    name = only_one(project, names, given=described, how="as modality")
    project.config.check_declared([name])
    text = given if isinstance(given, str) else None
    if text is not None and name not in taking_texts(project):
        raise DataError(f"{name!r} takes no text; send the bytes of a file as data, with its name")
    try:
        sample = project.assembly.modality(name).transform.decode(given)
    except UnusableInput as error:
        raise DataError(f"{described}: {error}") from error
    taken = TakenSample(sample, described)
    return QueryPart(given=taken, source=name, weight=sent.weight, spelt=text)


def candidates(project: Project, given: str | Content) -> list[str]:
    """Name the declared modalities that an input may be of."""
    if isinstance(given, str):
        return taking_texts(project)
    return recognise(project, given.data[:HEAD_BYTES], given.suffix or None)
