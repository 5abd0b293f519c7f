"""Extracts the features of a project's inputs, and prunes the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

from spaner_core.data.manifest import read_manifest
from spaner_core.errors import DataError, SpanerError
from spaner_core.features.inputs import KeyedInput, key_inputs
from spaner_core.features.renewal import discard_renewal
from spaner_core.features.stream_records import StreamIdentity
from spaner_core.files.replacing import writing_alone

from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.splits import split_rows
from spaner.usable_modalities import declared_modalities, fresh_modalities, working_modalities


@dataclass(frozen=True, kw_only=True)
class ExtractedModality:
    """What an extraction did for one modality: its rows by where their features came from.

    `changed` counts the distinct inputs whose features are others than were stored before; None
    where none were extracted anew.
    """

    name: str
    rows: int
    extracted: int
    reused: int
    quarantined: int
    changed: int | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class PruneReport:
    """What was removed from the store."""

    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True, repr=False)
class ExtractionReport(Report):
    """What an extraction did, where features are and as what numbers."""

    rows_in = "modalities"

    store: Path
    dtype: str
    modalities: tuple[ExtractedModality, ...]
    pruned: PruneReport | None

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        names = [one.name for one in self.modalities]
        return Audited({"rows": sum(one.rows for one in self.modalities)}, names)


def extract(
    project: Project, names: Sequence[str] = (), *, again: Sequence[str] = (), prune: bool = False
) -> ExtractionReport:
    """Extract features of all rows of the named modalities (all declared ones by default).

    What the store has already is not extracted again, but for the modalities in `again`, which are
    extracted anew, alone where there are no `names`. With `prune`, features that no manifest uses
    are removed afterwards. Raises `DataError` where more rows of a modality cannot be used than
    `data.max_unusable` allows, features of the others stay in the store; and where stored features
    are stale.
    """
    chosen = declared_modalities(project, (*names, *again))
    asked = (*names, *again)
    having = [name for name in chosen if asked or project.manifest.select(name)]
    working = working_modalities(project, having, asked=asked)
    fresh = fresh_modalities(project, [n for n in working if n not in again], asked=asked)
    done: list[ExtractedModality] = []
    for name in working:
        if name in fresh or name in again:
            done.append(_extract(project, name, again=name in again))
            project.say(*_renewal_notices(project, done[-1]))
    pruned = _prune(project) if prune else None
    return ExtractionReport(
        store=project.config.feature_store,
        dtype=project.store.dtype,
        modalities=tuple(done),
        pruned=pruned,
    )


def _extract(project: Project, name: str, *, again: bool) -> ExtractedModality:
    rows, changed = split_rows(project.manifest, name), None
    start = perf_counter()
    if again:
        usable, changed = project.renew_features(name, rows)
    else:
        usable = project.features(name, rows, again=True)
    return ExtractedModality(
        name=name,
        rows=len(rows),
        extracted=usable.extracted,
        reused=len(usable.rows) - usable.extracted,
        quarantined=len(rows) - len(usable.rows),
        changed=changed,
        seconds=round(perf_counter() - start, 3),
    )


def _renewal_notices(project: Project, extracted: ExtractedModality) -> Iterator[str]:
    """Say what came of extracting a modality anew, and what has to follow."""
    name, changed = extracted.name, extracted.changed
    if changed == 0:
        yield f"{name!r} was extracted anew, and no feature that was stored has changed"
    elif changed:
        yield f"{name!r} was extracted anew: features of {changed} inputs have changed"
        yield from project.freshness.superseded(name)


def _prune(project: Project) -> PruneReport:
    """Remove features that no manifest uses, with the encoder that its configuration used last.

    A stream whose use cannot be told stays whole: no plugin here serves its modality, a manifest
    cannot be read, or too many of its inputs.
    """
    kept: dict[str, str] = {}
    removed = []
    for stream in project.store.streams():
        discard_renewal(stream)
        removed.append(stream.keep(partial(_used_keys, project, stream.identity, kept)))
    project.store.hashes.forget_gone()
    project.say(*(f"{stream} was not pruned: {why}" for stream, why in kept.items()))
    for part in removed:
        for path in part.strange:
            project.say(f"{path} was left where it is: the store has not written it")
    return PruneReport(
        rows=sum(part.rows for part in removed), bytes=sum(part.bytes for part in removed)
    )


def _used_keys(project: Project, identity: StreamIdentity, kept: dict[str, str]) -> set[str] | None:
    """Return the keys of the inputs that manifests have a stream for; forget uses that ended.

    What the project itself declares is used, whether its use was noted or not. None where that
    cannot be told; `kept` is given the reason.
    """
    stream, used = identity.folder, set[str]()
    manifests: list[tuple[Path, str]] = []
    for path, use in project.store.uses().items():
        if not (Path(use.config).is_file() and Path(use.manifest).is_file()):
            with writing_alone(path):
                path.unlink(missing_ok=True)
        elif use.stream == stream:
            manifests.append((Path(use.manifest), use.modality))
    try:
        if _is_declared(project, identity):
            manifests.append((project.config.data.manifest.absolute(), identity.modality))
        for manifest, modality in dict.fromkeys(manifests):
            used |= _keys(project, manifest, modality)
    except SpanerError as error:
        kept[stream] = " ".join(str(error).split())
        return None
    return used


def _is_declared(project: Project, identity: StreamIdentity) -> bool:
    """Say whether the project's rows of a modality are served by a stream.

    Raises `PluginError` and `ConfigError` where its encoder cannot be built.
    """
    name = identity.modality
    if name not in project.config.modalities or not project.manifest.select(name):
        return False
    return project.assembly.stream_identity(name, project.store) == identity


def _keys(project: Project, manifest: Path, modality: str) -> set[str]:
    """Return the keys of a manifest's inputs; those that are gone have none.

    Raises `DataError` where more than `data.max_unusable` of them are: a disk may be missing.
    """
    rows = read_manifest(manifest, unlabelled=True).select(modality=modality)
    sources = dict.fromkeys(project.sources(modality, rows, folder=manifest.parent))
    found = [
        given
        for given in key_inputs(sources, project.store.hashes.hash_file)
        if isinstance(given, KeyedInput)
    ]
    gone = len(sources) - len(found)
    if gone > max(project.config.data.share_unusable(modality) * len(sources), 1):
        raise DataError(
            f"{gone} of {len(sources)} inputs of {modality!r} in {manifest} cannot be read; mend "
            "or remove their rows first"
        )
    return {given.key for given in found}
