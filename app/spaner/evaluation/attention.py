"""Shows which anchors one input attends to, whole and by token."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from spaner_core.contract.modality import FeatureSpec
from spaner_core.devices import one_thread
from spaner_core.features.rows import FeatureRows
from spaner_core.method.aligner import CrossAttentionAligner, TokenAttention

from spaner.arguments import check_count
from spaner.policy.links import check_look
from spaner.project import Project
from spaner.reports import Audited, Report


@dataclass(frozen=True, kw_only=True)
class TokenTable:
    """How much each of N tokens attends to each of C anchors before the sample is read.

    `tokens` names the rows of `weights` (N, C), which sum to 1, `anchors` its columns. `gate` is
    how far a token is moved by what it attends to, as a share of its own length.
    """

    gate: float
    tokens: tuple[str, ...]
    anchors: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]

    def leading(self, k: int) -> tuple[int, ...]:
        """Columns of the k anchors that the tokens attend to most, on average."""
        mean = torch.tensor(self.weights).mean(dim=0)
        return tuple(mean.topk(min(k, len(self.anchors))).indices.tolist())


@dataclass(frozen=True, kw_only=True, repr=False)
class SampleAttention(Report):
    """The weights, highest first, with which one input attends to the `k` leading anchors.

    Where its aligner has no attention of tokens, `tokens` is None and `without_tokens` says why.
    """

    input: str
    modality: str
    weights: dict[str, float]
    tokens: TokenTable | None
    without_tokens: str | None

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"anchors": len(self.weights)}, [self.modality])


def attention_of(project: Project, query: str, *, modality: str, k: int) -> SampleAttention:
    """Look at one input, a path or a text where the modality takes one.

    Raises `ConfigError` where `policy.links` lets the modality find nothing.
    Raises `SpaceError` for a modality that the space has not, `DataError` for an input that cannot
    be read.
    """
    check_count("k", k)
    check_look(project.config, modality)
    project.check_query(query, modality)
    project.check_modality(modality, rows=1)
    rows = project.space.extract(modality, query)
    weights = next(project.space.align(modality, rows)).weights
    most = weights[0].topk(min(k, weights.shape[1]))
    concepts = project.space.concepts
    tokens = _token_table(project, modality, rows)
    return SampleAttention(
        input=query,
        modality=modality,
        weights={
            concepts[place]: weight
            for place, weight in zip(most.indices.tolist(), most.values.tolist(), strict=True)
        },
        tokens=tokens,
        without_tokens=_why_no_tokens(project, modality) if tokens is None else None,
    )


def _token_table(project: Project, modality: str, rows: FeatureRows) -> TokenTable | None:
    """Look at the real tokens of the only one of `rows`; None where the aligner does not."""
    space = project.space
    attend = getattr(space.aligner(modality), "attend", None)
    record = space.records[modality]
    if not isinstance(attend, TokenAttention) or not record.anchor_count:
        return None
    with torch.inference_mode(), one_thread():
        _, weights = attend(rows.values, rows.mask, space.prompt.anchors[: record.anchor_count])
    real = rows.mask[0].nonzero().flatten().tolist()
    names = token_names(record.features, rows.mask.shape[1])
    return TokenTable(
        gate=float(attend.gate),
        tokens=tuple(names[place] for place in real),
        anchors=space.concepts[: record.anchor_count],
        weights=tuple(tuple(weights[0, place].tolist()) for place in real),
    )


def token_names(features: FeatureSpec, count: int) -> list[str]:
    """Name `count` tokens of a sample: by place in the grid where there is one, else by number.

    Places and numbers start at 1. A grid describes a window; where there are several, so does the
    name.
    """
    window = features.prefix_tokens + math.prod(features.grid or ())
    if features.grid is None or count % window:
        return [str(number) for number in range(1, count + 1)]
    places = torch.cartesian_prod(*(torch.arange(1, side + 1) for side in features.grid))
    names = [f"prefix {number}" for number in range(1, features.prefix_tokens + 1)]
    places = places.reshape(-1, len(features.grid))
    names += [f"({', '.join(map(str, place))})" for place in places.tolist()]
    if count == window:
        return names
    return [f"window {number} {name}" for number in range(1, count // window + 1) for name in names]


def _why_no_tokens(project: Project, modality: str) -> str:
    aligner = project.space.aligner(modality)
    said = f"the aligner of {modality!r} attends from the whole sample only"
    if not isinstance(aligner, CrossAttentionAligner):
        return f"{said}; it is its plugin's own, and has no tokens that attend"
    return (
        f"{said}; to have its tokens attend too, set `token_attention: true` under "
        f"`modalities: {modality}: aligner:` in {project.config.path} and train it anew with "
        f"`spaner attach {modality} --replace`"
    )
