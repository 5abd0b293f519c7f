"""Shows the anchors of the prompt, and which rows attend to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from spaner_core.data.manifest import Rows
from spaner_core.data.matches import number_rows
from spaner_core.evaluation.propagation import concept_marks
from spaner_core.space.space import Space
from torch import Tensor

from spaner.policy.links import may_look
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.splits import shown_split
from spaner.usable_modalities import usable_modalities

MOST_STRAYS = 3


@dataclass(frozen=True, kw_only=True)
class Attention:
    """What one modality's rows give one anchor.

    `own` is the mean weight, 0 to 1, that the `rows` samples of its own concept give it, None
    where there are none. `strays` are the other concepts whose samples give it most, with their
    mean weight, highest first.
    """

    rows: int
    own: float | None
    strays: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """One anchor: its concept and the block of the prompt that brought it, from 1.

    `texts` are the names that it was made of, none where it is random; `nearest` is the concept of
    the anchor nearest to it, and `cosine` theirs. `attended` says by which modalities, as far as
    they read it.
    """

    concept: str
    block: int
    texts: tuple[str, ...]
    nearest: str | None
    cosine: float | None
    attended: Mapping[str, Attention]


@dataclass(frozen=True, kw_only=True)
class Attending:
    """One modality's labelled samples, `rows` of them, and how many anchors it reads.

    `own_first` is the share whose largest weight is their own concept's anchor's; a tie with
    another's is not. `unseen` are those of their concepts that the modality was not trained on.
    """

    rows: int
    own_first: float
    anchors: int
    unseen: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, repr=False)
class PromptReport(Report):
    """A shared prompt and who attends to it.

    `made_from` is "labels" or "random". The rows are those of `split`, all where it is None;
    `left_out` names the space's modalities that were not looked at, with the reason.
    """

    rows_in = "anchors"

    made_from: str
    read_out_sharpness: float
    anchors: tuple[Anchor, ...]
    split: str | None
    modalities: Mapping[str, Attending]
    left_out: Mapping[str, str]

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        counts = {"rows": sum(one.rows for one in self.modalities.values())}
        return Audited(counts, self.modalities.keys())


@dataclass(frozen=True)
class _Looks:
    """Weights (n, A) that n samples give the anchors they read, and marks (n, C) of their own."""

    weights: Tensor
    marks: Tensor

    @property
    def own(self) -> Tensor:
        """Marks among the anchors that are read, (n, A) bool."""
        return self.marks[:, : self.weights.shape[1]]


def describe_prompt(project: Project) -> PromptReport:
    """Describe the anchors of the project's space, and look at no row."""
    return _report(project, {}, split=None, left_out={})


def attended_prompt(project: Project, split: str | None = None) -> PromptReport:
    """Describe the anchors and who attends to them, on labelled rows of a split.

    Without `split` the test split is taken, or every row where the manifest has no splits. Raises
    `DataError` where the manifest has no such split.
    """
    split = shown_split(project.manifest, split)
    looks, lacking, concepts = {}, {}, set(project.space.concepts)
    if not concepts:  # there is nothing to attend to
        return _report(project, {}, split=split, left_out={})
    for name in usable_modalities(project):
        if not may_look(project.config, name, purpose="measure"):
            lacking[name] = "policy.links lets it be measured with nothing"
            continue
        rows = project.manifest.select(name, split).having("concept", concepts)
        if not rows:
            where = "the manifest" if split is None else f"split {split!r}"
            lacking[name] = f"{where} has no row of it with a concept of the prompt"
            continue
        with project.left_out.where_broken(name):
            looks[name] = _look(project, name, rows)
    left_out = {**project.left_out.reasons, **lacking}
    report = _report(project, looks, split=split, left_out=left_out)
    project.say(*_notices(report))
    return report


def _notices(report: PromptReport) -> Iterator[str]:
    for name, reason in report.left_out.items():
        yield f"{name!r} is left out: {reason}"
    for name, attending in report.modalities.items():
        if attending.unseen:
            yield (
                f"{name!r} has seen no labelled row of {', '.join(attending.unseen)}: do not trust "
                "its weights there"
            )
    if report.split is None:
        yield "the manifest has no splits: these rows were trained on too"


def _look(project: Project, name: str, rows: Rows) -> _Looks:
    """Let the samples of `rows`, which repeat one for each of its concepts, read the prompt."""
    project.check_modality(name)
    space = project.space
    usable = project.features(name, rows)
    labels = number_rows(usable.rows, project.manifest, concepts=space.concepts)
    first, order = labels.first_rows().sort()  # in the manifest's order
    parts = space.align(name, usable.features.take(first))
    return _Looks(
        weights=torch.cat([part.weights for part in parts]).double(),
        marks=concept_marks(labels, count=len(space.concepts))[order],
    )


def _report(
    project: Project,
    looks: Mapping[str, _Looks],
    *,
    split: str | None,
    left_out: Mapping[str, str],
) -> PromptReport:
    space = project.space
    attention = {name: _attention(look, space.concepts) for name, look in looks.items()}
    return PromptReport(
        made_from=space.record.anchors,
        read_out_sharpness=float(space.prompt.beta),
        anchors=tuple(_anchors(space, attention)),
        split=split,
        modalities={name: _attending(space, name, look) for name, look in looks.items()},
        left_out=left_out,
    )


def _anchors(space: Space, attention: Mapping[str, Sequence[Attention]]) -> list[Anchor]:
    likeness = space.prompt.anchors @ space.prompt.anchors.T
    likeness.fill_diagonal_(-torch.inf)
    blocks = [number for number, b in enumerate(space.blocks, start=1) for _ in b.concepts]
    alone = len(space.concepts) < 2
    return [
        Anchor(
            concept=concept,
            block=blocks[place],
            texts=space.label_texts[concept] if space.record.anchors == "labels" else (),
            nearest=None if alone else space.concepts[int(likeness[place].argmax())],
            cosine=None if alone else float(likeness[place].max()),
            attended={name: of[place] for name, of in attention.items() if place < len(of)},
        )
        for place, concept in enumerate(space.concepts)
    ]


def _attention(look: _Looks, concepts: Sequence[str]) -> list[Attention]:
    """Say what each anchor that is read is given, on average over rows of a concept."""
    support = look.own.sum(dim=0)  # (A,)
    own = (look.weights * look.own).sum(dim=0) / support.clamp_min(1)
    # what samples of a concept (C) give an anchor (A) that is not among their own
    strangers = look.marks.double().T @ (~look.own).double()
    given = look.marks.double().T @ look.weights.masked_fill(look.own, 0)
    mean = (given / strangers).masked_fill(strangers == 0, -1)
    most = mean.topk(min(MOST_STRAYS, len(mean)), dim=0)
    return [
        Attention(
            rows=int(support[place]),
            own=float(own[place]) if support[place] else None,
            strays={
                concepts[other]: weight
                for other, weight in zip(
                    most.indices[:, place].tolist(), most.values[:, place].tolist(), strict=True
                )
                if weight >= 0
            },
        )
        for place in range(look.weights.shape[1])
    ]


def _attending(space: Space, name: str, look: _Looks) -> Attending:
    own = look.weights.masked_fill(~look.own, -1).amax(dim=1)
    other = look.weights.masked_fill(look.own, -1).amax(dim=1)
    having = [space.concepts[place] for place in look.marks.any(dim=0).nonzero().flatten().tolist()]
    return Attending(
        rows=len(look.weights),
        own_first=float((own > other).double().mean()),
        anchors=look.weights.shape[1],
        unseen=tuple(space.unseen(name, having)),
    )
