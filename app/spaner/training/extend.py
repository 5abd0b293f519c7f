"""Extends a project's prompt by anchors for new concepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from spaner_core.data.label_texts import complete_label_texts, read_label_texts
from spaner_core.data.names import UNNAMEABLE, compose
from spaner_core.errors import ConfigError, SpaceError
from spaner_core.method.prompt import random_directions
from spaner_core.space.aligners import restore_label_reader
from spaner_core.space.prompts import save_extension
from spaner_core.space.records import BlockRecord, ModalityRecord
from spaner_core.space.space import Space
from torch import Tensor

from spaner.arguments import as_list
from spaner.notices import spelling_notices, unseen_notices
from spaner.output_paths import check_growing_space
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.training.plan import concept_names

TOO_CLOSE = 0.9
"""Cosine of two anchors from which on their concepts will hardly be told apart."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ExtensionReport(Report):
    """What an extension did: the concepts, and how their anchors were made."""

    space: Path
    concepts: tuple[str, ...]
    label_texts: dict[str, tuple[str, ...]]
    anchors: str
    receipt: Path

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"concepts": len(self.concepts)})


def extend(project: Project, concepts: Sequence[str]) -> ExtensionReport:
    """Append anchors for `concepts` to the prompt of the project's space; change nothing else.

    Anchors are made from the concepts' names as the first ones were, or are random directions
    where those are. Raises `ConfigError` for concepts that are there already or cannot be told
    apart, and `SpaceError` where the names would be embedded by another encoder.
    """
    if not concepts:
        raise ConfigError("no concept was named; name those that the prompt is to have as well")
    space = project.space
    concepts = [compose(concept) for concept in as_list("concepts", concepts)]
    _check_new(space, concepts)
    check_growing_space(project, "prompt")
    path = project.config.prompt.labels
    texts = complete_label_texts(concepts, read_label_texts(path) if path else {})
    wanted = {concept: texts[concept] for concept in concepts}
    embeddings = _embed(project, space, wanted)
    if embeddings is None:
        # another seed for every block, and the same whenever it is made again
        generator = torch.Generator().manual_seed(int(space.fingerprint[:15], 16))
        anchors = random_directions(len(wanted), dim=space.record.dim, generator=generator)
    else:
        anchors = space.prompt.later_anchors(embeddings)
    record = BlockRecord(
        concepts=tuple(wanted),
        label_texts=wanted,
        anchors=space.record.anchors,
        previous=space.fingerprint,
    )
    receipt = save_extension(
        project.config.space,
        record,
        anchors=anchors,
        label_embeddings=embeddings if embeddings is not None else torch.zeros(0, 0),
    )
    project.say(
        *spelling_notices([*space.concepts, *record.concepts]),
        *_close_anchors(space, record.concepts, anchors),
        *unseen_notices(space, record.concepts, space.modalities),
    )
    return ExtensionReport(
        space=project.config.space,
        concepts=record.concepts,
        label_texts=wanted,
        anchors=record.anchors,
        receipt=receipt,
    )


def _check_new(space: Space, concepts: Sequence[str]) -> None:
    for place, concept in enumerate(concepts):
        if not concept.strip() or concept != concept.strip():
            raise ConfigError(f"concept {concept!r} begins or ends with a blank; give a name")
        if UNNAMEABLE.search(concept):
            raise ConfigError(
                f"concept {concept!r} has a line break or other control character; give a name"
            )
        if concept in concepts[:place]:
            raise ConfigError(f"concept {concept!r} is given twice; give it once")
        if concept in space.concepts:
            raise ConfigError(
                f"the prompt has an anchor for {concept!r} already; leave it out. It has "
                f"{', '.join(space.concepts)}"
            )


def _embed(project: Project, space: Space, texts: dict[str, tuple[str, ...]]) -> Tensor | None:
    """Embed names (C', P) as the first ones were; None where no names made the anchors."""
    source = space.record.label_source
    if space.record.anchors != "labels" or source is None:
        return None
    _check_source(project, source)
    build = partial(project.assembly.recorded_aligner, source, prompt_dim=space.record.dim)
    reader = restore_label_reader(project.config.space, space.prompt, build=build)
    with torch.inference_mode():
        names = concept_names(project, source.modality, texts)
        return names.embed(reader, count=len(texts)).clone()


def _check_source(project: Project, source: ModalityRecord) -> None:
    """Raise `SpaceError` unless the encoder at hand is the one that embedded the first names."""
    name = source.modality
    assembled = project.assembly.modality(name)
    found = (assembled.encoder.fingerprint, assembled.transform.fingerprint)
    if found != (source.encoder_fingerprint, source.transform_fingerprint):
        raise SpaceError(
            f"the encoder of {name!r} at hand ({found[0][:12]}) is not the one that embedded the "
            f"names of the first concepts ({source.encoder_fingerprint[:12]}); use the encoder "
            "options under label_source in prompt/config.json"
        )


def _close_anchors(space: Space, concepts: Sequence[str], anchors: Tensor) -> tuple[str, ...]:
    names = [*space.concepts, *concepts]
    likeness = anchors @ torch.cat([space.prompt.anchors, anchors]).T  # (C', C + C')
    notices = []
    for place, concept in enumerate(concepts):
        others = likeness[place].clone()
        others[len(space.concepts) + place] = -1
        nearest = int(others.argmax())
        if others[nearest] > TOO_CLOSE:
            notices.append(
                f"the anchor of {concept!r} lies close to that of {names[nearest]!r} (cosine "
                f"{others[nearest]:.2f}): other texts in prompt.labels may tell them apart"
            )
    return tuple(notices)
