"""Answers what clients ask of a project, and has it logged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import BaseModel
from spaner_core.errors import ConfigError
from spaner_registry.config.policy import Purpose

from spaner.audit.actions import Action, readable, refusals
from spaner.audit.doors import logged, note_found
from spaner.forgetting.forget import forget
from spaner.labelling.propagate import propagate
from spaner.labelling.request import Propagation
from spaner.policy.links import check_export, check_links
from spaner.preview import show_sample
from spaner.project import Project
from spaner.search.exact import search
from spaner.search.explain import explain
from spaner.search.query_parts import Condition, QueryPart, read_condition
from spaner.serve.described import pair_figures
from spaner.serve.errors import Refused
from spaner.serve.indexed import Found, find_row, indexed, modality_of
from spaner.serve.requests import (
    EmbedRequest,
    ExplainRequest,
    PropagateRequest,
    SearchRequest,
    SentInput,
)
from spaner.serve.sent_inputs import candidates, read_part
from spaner.serve.shown_rows import as_json

Json = dict[str, Any]
Parts = Sequence[QueryPart]
T = TypeVar("T")


def ask_search(project: Project, asked: SearchRequest) -> Parts:
    """Read the inputs of a search. Raises `NotPermitted` where the policy does not let it be."""
    parts = [read_part(project, sent) for sent in asked.query]
    with refusals(project.config, _action("search", "search", asked)):
        for part in parts:
            check_links(project.config, part.source, asked.to)
    for target in asked.to:
        indexed(project, target)
    return parts


def answer_search(project: Project, parts: Parts, asked: SearchRequest) -> Json:
    """Search, and say what the hits are worth."""
    action = _action("search", "search", asked)
    with logged(project, action):
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
        note_found(action, hits)
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


def answer_explain(project: Project, asked: ExplainRequest) -> Json:
    """Say why a hit was found."""
    part = read_part(project, asked.query)
    action = _action("explain", "search", asked)
    with logged(project, action):
        check_links(project.config, part.source, [asked.modality])
        indexed(project, asked.modality)
        only = Condition("id", "=", asked.hit)
        hits = search(
            project, [part], targets=[asked.modality], k=1, where=[only], strength=asked.strength
        )
        if not hits or hits[0].id != asked.hit:
            raise Refused(404, f"no row of {asked.modality!r} that is not the query has this id")
        found = explain(project, [part], hits[0], strength=asked.strength, budget=asked.budget)
        note_found(action, found)
    shown = asdict(found)
    shown["hit"]["input"] = hits[0].input  # clients know it by this, not by where it lies
    return shown


def ask_embed(project: Project, asked: EmbedRequest) -> Parts:
    """Read inputs to embed. Raises `NotPermitted` where nothing may be given their embeddings."""
    parts = [read_part(project, sent) for sent in asked.inputs]
    if any(part.is_row for part in parts):
        raise ConfigError("rows are not embedded here; give a text or data; `spaner export` does")
    with refusals(project.config, _action("embed", "export", asked)):
        for name in dict.fromkeys(part.source for part in parts):
            check_export(project.config, name)
    return parts


def answer_embed(project: Project, parts: Parts, asked: EmbedRequest) -> Json:
    """Embed inputs, and say what the vectors depend on."""
    action = _action("embed", "export", asked)
    action.modalities |= {part.source for part in parts}
    action.counts["inputs"] = len(parts)
    with logged(project, action):
        vectors = [
            project.space.embed(part.source, part.given, strength=asked.strength)[0].tolist()
            for part in parts
        ]
    names = dict.fromkeys(part.source for part in parts)
    return {
        "embeddings": vectors,
        "modalities": [part.source for part in parts],
        "keys": {
            name: asdict(project.space.vector_key(name, strength=asked.strength)) for name in names
        },
    }


def answer_preview(project: Project, sent: SentInput) -> Json:
    """Say as what an input is read, and show it; several modalities are named where several may."""
    if sent.id is not None:
        raise ConfigError("rows are shown at /previews/MODALITY/ID; give a text or data")
    names = [sent.modality] if sent.modality else candidates(project, sent.source())
    if len(names) > 1:
        return {"modality": None, "candidates": names, "text": None, "picture": None}
    part = read_part(project, sent)
    shown = as_json(show_sample(project, part.source, part.given.sample))
    return {"modality": part.source, "candidates": [part.source], **shown}


def answer_propagate(project: Project, asked: PropagateRequest) -> Json:
    """Carry labels, and return them."""
    action = _action("propagate", "propagate", asked)
    with logged(project, action):
        check_links(project.config, asked.target, [asked.source], purpose="propagate")
        report = propagate(project, Propagation(**asked.model_dump()))
        note_found(action, report)
    return {**asdict(report), "notices": list(project.notices)}


def show_row(project: Project, modality: str, given: str, show: Callable[[Found], T]) -> T:
    """Show a row of the index, whatever `show` makes of it."""
    action = Action("show", content={"rows": [given]})
    with logged(project, action):
        found = find_row(project, modality, given)
        action.modalities |= {modality}
        action.counts["rows"] = 1
        return show(found)


def answer_forget(project: Project, given: str) -> Json:
    """Take a row out of all that the project keeps, as `spaner forget`, which has it logged."""
    modality_of(project, given)  # which says in the service's own words that there is none
    report = forget(project, [given])
    return {**asdict(report), "manifest": str(report.manifest), "notices": list(project.notices)}


def _action(name: str, purpose: Purpose, asked: BaseModel) -> Action:
    content = readable(asked.model_dump(exclude_defaults=True))
    return Action(name, purpose, content=content)
