"""Checking a project before anything runs: configuration, manifest, files, what would train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spaner_core.data.labelled import concepts_of
from spaner_core.data.manifest import source_of
from spaner_core.errors import DataError

from spaner.plan import count_parameters, label_modality, read_project_labels, training_rows
from spaner.project import Project

SHOWN = 10


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


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What `spaner check` says."""

    config: Path
    space: Path
    space_exists: bool
    concepts: tuple[str, ...]
    modalities: tuple[CheckedModality, ...]
    notices: tuple[str, ...]


def check_project(project: Project) -> CheckReport:
    """Build every declared encoder and aligner and look for every file; no file is decoded.

    Raises what `spaner train` would raise before it decodes, and `DataError` naming missing files.
    """
    missing = [path for name in project.config.modalities for path in _missing(project, name)]
    if missing:
        shown = "\n  ".join(str(path) for path in missing[:SHOWN])
        more = f"\n  ... and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        raise DataError(
            f"{project.manifest.path}: {len(missing)} input file"
            f"{' is' if len(missing) == 1 else 's are'} missing; restore or remove the rows:"
            f"\n  {shown}{more}"
        )
    label_texts = read_project_labels(project)
    label_modality(project, tuple(project.config.modalities), label_texts)
    checked = tuple(_check_modality(project, name) for name in project.config.modalities)
    return CheckReport(
        config=project.config.path,
        space=project.config.space,
        space_exists=(project.config.space / "prompt").is_dir(),
        concepts=tuple(label_texts),
        modalities=checked,
        notices=_one_sided(project),
    )


def _missing(project: Project, name: str) -> list[Path]:
    described = project.registry.modality(name)
    folder = project.config.data.manifest.parent
    sources = (
        source_of(row, folder, inline=described.inline, suffixes=described.suffixes)
        for row in project.manifest.select(modality=name)
    )
    return [
        path for path in dict.fromkeys(sources) if isinstance(path, Path) and not path.is_file()
    ]


def _check_modality(project: Project, name: str) -> CheckedModality:
    plugin = project.registry.load(name)
    spec = project.assembly.modality(name).encoder.features
    aligner = project.assembly.aligner_builder(name, prompt_dim=project.config.prompt.dim)()
    training = training_rows(project, name)
    return CheckedModality(
        name=name,
        distribution=plugin.distribution,
        version=plugin.version,
        rows=len(project.manifest.select(name)),
        training_rows=len(training),
        concepts=len(concepts_of(training)),
        tokens=f"{spec.tokens or 'n'} x {spec.dim}",
        parameters=count_parameters(aligner),
    )


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
