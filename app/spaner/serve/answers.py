"""Answers what clients ask of a project, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from spaner_core.errors import ConfigError, DataError
from spaner_registry.config.policy import Purpose

from spaner.labelling.propagate import propagate
from spaner.labelling.request import Propagation
from spaner.policy.links import check_links
from spaner.preview import show_sample
from spaner.project import Project
from spaner.search.exact import search
from spaner.search.query import rows_like
from spaner.search.query_parts import QueryPart, read_condition
from spaner.serve.described import pair_figures
from spaner.serve.errors import Refused
from spaner.serve.requests import EmbedRequest, PropagateRequest, SearchRequest, SentInput
from spaner.serve.sent_inputs import candidates, read_input
from spaner.serve.shown_rows import as_json

Json = dict[str, Any]
Parts = Sequence[QueryPart]


def ask_search(project: Project, asked: SearchRequest) -> Parts:
    """Read the inputs of a search. Raises `Refused` where the policy does not let it be."""
    parts = _read_parts(project, asked.query)
    for part in parts:
        allow(project, part.source, asked.to)
    return parts


def answer_search(project: Project, parts: Parts, asked: SearchRequest) -> Json:
    """Search, and say what the hits are worth."""
    hits = search(
        project,
        parts,
        targets=asked.to,
        k=asked.k,
        split=asked.split,
        where=[read_condition(given) for given in asked.where],
        strength=asked.strength,
        each=asked.each,
    )
    source = parts[0].source
    figures = {
        target: pair_figures(project, source, target, strength=asked.strength)
        for target in asked.to
    }
    return {
        "source": source,
        "hits": hits.as_dicts(),
        "no_match": hits.no_match,
        "false_accept_rate": hits.false_accept_rate,
        "pairs": figures if len(parts) == 1 else {},
        "notices": list(project.notices),
    }


def ask_embed(project: Project, asked: EmbedRequest) -> Parts:
    """Read inputs to embed."""
    parts = _read_parts(project, asked.inputs)
    if any(part.is_row for part in parts):
        raise ConfigError("rows are not embedded here; give a text or data; `spaner export` does")
    return parts


def answer_embed(project: Project, parts: Parts, asked: EmbedRequest) -> Json:
    """Embed inputs, and say what the vectors depend on."""
    vectors = [
        project.space.embed(part.source, part.given, strength=asked.strength)[0].tolist()
        for part in parts
    ]
    names = list(dict.fromkeys(part.source for part in parts))
    return {
        "embeddings": vectors,
        "modalities": [part.source for part in parts],
        "keys": {
            name: asdict(project.space.vector_key(name, strength=asked.strength)) for name in names
        },
    }


def answer_preview(project: Project, sent: SentInput) -> Json:
    """Say as what an input is read, and show it; several modalities are named where several may."""
    names = [sent.modality] if sent.modality else candidates(project, sent.source())
    if len(names) > 1:
        return {"modality": None, "candidates": names, "text": None, "picture": None}
    read = read_input(project, sent)
    shown = as_json(show_sample(project, read.modality, read.taken.sample))
    return {"modality": read.modality, "candidates": [read.modality], **shown}


def answer_propagate(project: Project, asked: PropagateRequest) -> Json:
    """Carry labels, and return them."""
    project.config.check_declared([asked.source, asked.target])
    allow(project, asked.target, [asked.source], purpose="propagate")
    report = propagate(project, Propagation(**asked.model_dump()))
    return {**asdict(report), "notices": list(project.notices)}


def alone(answer: Callable[[Project], Json]) -> Callable[[Project, Parts], Json]:
    """Make of what needs no input an answer to a question."""
    return lambda project, _: answer(project)


def allow(
    project: Project, source: str, targets: Sequence[str], *, purpose: Purpose = "search"
) -> None:
    """Raise `Refused` with the policy's own line, where it does not let `source` be linked so."""
    project.config.check_declared([source, *targets])
    try:
        check_links(project.config, source, targets, purpose=purpose)
    except ConfigError as error:
        raise Refused(403, str(error)) from error


def _read_parts(project: Project, given: Sequence[SentInput]) -> list[QueryPart]:
    return [_read_part(project, sent) for sent in given]


def _read_part(project: Project, sent: SentInput) -> QueryPart:
    if sent.id is not None:
        try:
            (part,) = rows_like(project, [sent.id])
        except DataError as error:
            raise Refused(404, "no row of the space's modalities has this id") from error
        return QueryPart(given=part.given, source=part.source, is_row=True, weight=sent.weight)
    read = read_input(project, sent)
    return QueryPart(given=read, source=read.modality, weight=sent.weight)
