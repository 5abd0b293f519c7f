"""Checks configuration, manifest and files, and says what would train."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spaner_core.contract.sources import check_ordinary
from spaner_core.contract.transform import HeaderCheck, Transform
from spaner_core.data.manifest import Rows
from spaner_core.errors import UnusableInput
from spaner_core.progress import shows_progress
from tqdm.auto import tqdm

from spaner.evaluation.overlaps import split_notices
from spaner.labelling.doubts import LabelReport, doubt_labels
from spaner.notices import spelling_notices
from spaner.policy.links import undeclared_links
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.search.familiar_rows import grouping_column
from spaner.training.plan import count_parameters, expected_seconds, plan_training
from spaner.usable_modalities import declared_modalities, working_modalities

SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class UnusableRow:
    """A row of the manifest whose input cannot be used, and why."""

    modality: str
    line: int
    id: str
    input: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CheckedModality:
    """What `spaner check` says of one declared modality."""

    name: str
    distribution: str
    version: str
    rows: int
    training_rows: int
    concepts: int
    tokens: str
    parameters: int
    unusable: int


@dataclass(frozen=True, kw_only=True, repr=False)
class CheckReport(Report):
    """What `spaner check` says; `too_many` names modalities beyond `data.max_unusable`.

    `steps` are those that training would take, `expected_s` about how long they would take.
    `labels` says which labels are doubted, None where nobody asked.
    """

    rows_in = "modalities"

    config: Path
    space: Path
    space_exists: bool
    concepts: tuple[str, ...]
    modalities: tuple[CheckedModality, ...]
    steps: int
    expected_s: float
    unusable: tuple[UnusableRow, ...]
    too_many: tuple[str, ...]
    labels: LabelReport | None = None

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        doubted = [one.id for one in self.labels.doubted] if self.labels else []
        rows = sum(one.rows for one in self.modalities)
        return Audited({"rows": rows}, [one.name for one in self.modalities], doubted)


def check_project(
    project: Project, names: Sequence[str] = (), *, deep: bool = False, labels: bool = False
) -> CheckReport:
    """Build the encoders and aligners of `names`, by default all, and look at all their inputs.

    Looks at the beginning of files, as far as their plugin can tell from that; with `deep` every
    input is decoded and prepared; with `labels` those of training rows are compared with their
    features. A modality that was not named and whose plugin is absent or broken is left out, with
    a notice. Raises what `spaner train` would raise of the others before it does so, but that
    those that are named need not embed the concepts' names: they may be attached.
    """
    asked, names = names, declared_modalities(project, names)
    names = working_modalities(project, names, asked=asked)
    plan = plan_training(project, names, names_apart=bool(asked))
    grouping_column(project)  # refused where the manifest lacks it
    unusable = {name: tuple(_unusable_rows(project, name, deep=deep)) for name in names}
    checked = tuple(
        _check_modality(project, name, plan.rows[name], rows) for name, rows in unusable.items()
    )
    project.say(
        *project.left_out.notices,
        *_untrainable(project),
        *_foreign_code(project),
        *undeclared_links(project.config),
        *spelling_notices((*plan.concepts, *(_anchored(project) or ())), project.manifest.rows),
        *_one_sided(project),
        *_unanchored(project),
        *split_notices(
            project, {n: _without(project.manifest.select(n), unusable[n]) for n in names}
        ),
    )
    training = plan.settle_steps(project.config.recipe.training)
    report = CheckReport(
        config=project.config.path,
        space=project.config.space,
        space_exists=(project.config.space / "prompt").is_dir(),
        concepts=plan.concepts,
        modalities=checked,
        steps=training.steps,
        expected_s=expected_seconds(sum(m.parameters for m in checked), training),
        unusable=tuple(row for rows in unusable.values() for row in rows),
        too_many=tuple(name for name, rows in unusable.items() if _too_many(project, name, rows)),
    )
    if labels and not report.too_many:  # reading features says what cannot be used
        return replace(report, labels=doubt_labels(project, plan))
    if report.unusable and not report.too_many:
        project.say(describe_unusable(project, report))
    return report


def describe_unusable(project: Project, report: CheckReport) -> str:
    """Say how many inputs cannot be used and why, the first ten by name."""
    counts = {
        m.name: f"{m.unusable} of {m.rows} rows of {m.name!r}"
        for m in report.modalities
        if m.unusable
    }
    others = ", ".join(said for name, said in counts.items() if name not in report.too_many)
    share = project.config.data.share_unusable
    beyond = ", ".join(f"{counts[name]} (at most {share(name):.2%})" for name in report.too_many)
    verdicts = [f"to be left out: {others}"] if others else []
    if beyond:
        verdicts.insert(
            0,
            f"more than data.max_unusable allows cannot be used: {beyond}; mend the files, remove "
            "their rows, or raise it",
        )
    shown = [
        f"{project.manifest.path}:{row.line}: {' '.join(row.input.split())}: {row.reason}"
        for row in report.unusable[:SHOWN]
    ]
    if (more := len(report.unusable) - SHOWN) > 0:
        shown.append(f"... and {more} more; --json names all")
    return "\n  ".join([f"{'; '.join(verdicts)}:", *shown])


def _too_many(project: Project, name: str, rows: Sequence[UnusableRow]) -> bool:
    return len({row.input for row in rows}) > project.max_unusable(name)


def _unanchored(project: Project) -> Iterator[str]:
    """Name concepts of the manifest for which the space, if there is one, has no anchor."""
    known = _anchored(project)
    unknown = [] if known is None else [c for c in project.manifest.concepts if c not in known]
    if unknown:
        yield (
            f"the space has no anchor for {', '.join(unknown)}: `spaner extend "
            f"{shlex.join(unknown)}` appends {'it' if len(unknown) == 1 else 'them'}"
        )


def _anchored(project: Project) -> tuple[str, ...] | None:
    """Return the concepts of the space, None where there is no space."""
    return project.space.concepts if (project.config.space / "prompt").is_dir() else None


def _unusable_rows(project: Project, name: str, *, deep: bool) -> Iterator[UnusableRow]:
    rows = project.manifest.select(modality=name)
    transform = project.assembly.modality(name).transform
    verdicts: dict[Path | str, str | None] = {}
    sources = project.sources(name, rows)
    progress = tqdm(sources, desc=name, unit="row", disable=not shows_progress())
    for row, source in zip(rows, progress, strict=True):
        if source not in verdicts:
            verdicts[source] = _verdict(transform, source, deep=deep)
        if (reason := verdicts[source]) is not None:
            yield UnusableRow(
                modality=name, line=row.line, id=row.id, input=row.input, reason=reason
            )


def _verdict(transform: Transform, source: Path | str, *, deep: bool) -> str | None:
    """Say why an input cannot be used; None where nothing speaks against it."""
    try:
        check_ordinary(source)
        if deep:
            transform.prepare(transform.decode(source))
        elif isinstance(transform, HeaderCheck):
            transform.check_header(source)
    except UnusableInput as error:
        return " ".join(str(error).split())
    return None


def _check_modality(
    project: Project, name: str, training: Rows, unusable: Sequence[UnusableRow]
) -> CheckedModality:
    plugin = project.registry.load(name)
    spec = project.assembly.modality(name).encoder.features
    aligner = project.assembly.aligner_builder(name, prompt_dim=project.config.prompt.dim)()
    training = _without(training, unusable)
    return CheckedModality(
        name=name,
        distribution=plugin.found.distribution,
        version=plugin.found.version,
        rows=len(project.manifest.select(name)),
        training_rows=len(training),
        concepts=len(training.concepts),
        tokens=f"{spec.tokens or 'n'} x {spec.dim}",
        parameters=count_parameters(aligner),
        unusable=len(unusable),
    )


def _without(rows: Rows, unusable: Sequence[UnusableRow]) -> Rows:
    lost = {row.line for row in unusable}
    return rows.take([place for place, row in enumerate(rows) if row.line not in lost])


def _untrainable(project: Project) -> Iterator[str]:
    """Say what training comes to where plugins are broken: it leaves no modality out by itself."""
    working = [name for name in project.config.modalities if name not in project.left_out.reasons]
    if project.left_out.reasons:
        yield f"`spaner train` is refused so; `spaner train {' '.join(working)}` does without"


def _foreign_code(project: Project) -> tuple[str, ...]:
    """Name modalities whose options let a model's repository run code of its own."""
    return tuple(
        f"{project.config.locate('modalities', name)}: {name!r} runs code from its model's "
        "repository (trust_remote_code)"
        for name, settings in project.config.modalities.items()
        if _trusts(settings.encoder) or _trusts(settings.aligner)
    )


def _trusts(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value.get("trust_remote_code")) or any(map(_trusts, value.values()))
    return isinstance(value, list | tuple) and any(map(_trusts, value))


def _one_sided(project: Project) -> tuple[str, ...]:
    """Name concepts that only one modality has: nothing but the prompt links them to others."""
    having: dict[str, set[str]] = {}
    for row in project.manifest.rows:
        if row.concept is not None:
            having.setdefault(row.concept, set()).add(row.modality)
    return tuple(
        f"concept {concept!r} occurs in {min(names)!r} only"
        for concept, names in sorted(having.items())
        if len(names) == 1 and len(project.manifest.modalities) > 1
    )
