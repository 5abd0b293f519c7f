"""Corrupts the inputs of one modality and embeds them.

Corrupted features are not kept in the store. They would take as many times the disk of a split's
features as there are corruptions and severities, and only one measurement reads them: each is
encoded, embedded and let go, a batch at a time.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout

import torch
from spaner_core.contract.modality import Corruption
from spaner_core.contract.sources import describe_source
from spaner_core.contract.transform import EncoderInput, Sample, Source, Transform
from spaner_core.data.manifest import Rows
from spaner_core.errors import DataError, FailedInput, PluginError, UnusableInput
from spaner_core.features.batch_files import DTYPES
from spaner_core.features.encoding import EncodedSample, encode_samples
from spaner_core.features.rows import BATCH_ROWS, FeatureRows, stack_rows
from spaner_core.space.records import Same
from torch import Tensor

from spaner.experiments.retrain import Embedded
from spaner.experiments.seeds import derive_seed
from spaner.project import Project


def embed_corrupted(
    project: Project,
    name: str,
    rows: Rows,
    *,
    corruption: Corruption,
    severity: int,
    strengths: Mapping[Same, float],
) -> tuple[Tensor, Embedded]:
    """Embed corrupted rows, at the pull `strengths` of kinds and of things.

    Returns the places (m,) of the rows that could be corrupted, and their embeddings (m, D).
    Raises `PluginError` where the corruption fails on every one of them.
    """
    seed = project.config.training.seed
    sources = project.sources(name, rows)
    seeds: dict[Source, int] = {
        s: derive_seed(seed, row.id) for s, row in zip(sources, rows, strict=True)
    }
    assembled = project.assembly.modality(name)
    transform = CorruptedTransform(assembled.transform, corruption, severity=severity, seeds=seeds)
    embedding = _Embedding(project, name, strengths)
    distinct, failed = list(seeds), list[str]()
    with redirect_stdout(sys.stderr):
        for place, encoded in encode_samples(assembled.encoder, transform, distinct):
            if isinstance(encoded, FailedInput):
                failed.append(f"{describe_source(distinct[place])}: {encoded}")
            elif not isinstance(encoded, UnusableInput):
                embedding.add(distinct[place], encoded)
    assembled.encoder.prove()
    found = embedding.finish()
    if failed and not found:
        raise PluginError(f"no row could be corrupted (severity {severity}): {failed[0]}")
    usable = [place for place, source in enumerate(sources) if source in found]
    vectors = [found[sources[place]] for place in usable]
    both = torch.stack(vectors, dim=1) if vectors else torch.zeros(2, 0, 0)
    return torch.tensor(usable).long(), Embedded(*both)


class CorruptedTransform:
    """Decodes as `transform` does, then corrupts: each source by its own one of `seeds`."""

    def __init__(
        self,
        transform: Transform,
        corruption: Corruption,
        *,
        severity: int,
        seeds: Mapping[Source, int],
    ) -> None:
        self.transform, self.corruption = transform, corruption
        self.severity, self.seeds = severity, seeds

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the transform's own fingerprint, the corruption, its severity and the seeds.

        Features that it prepared can so never be taken for clean ones.
        """
        seeds = sorted((str(source), seed) for source, seed in self.seeds.items())
        whole = [self.transform.fingerprint, self.corruption.name, self.severity, seeds]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()

    def decode(self, source: Source) -> Sample:
        """Read one input and corrupt it; raises `UnusableInput` where one of these fails."""
        sample = self.transform.decode(source)
        return self.corruption.apply(sample, severity=self.severity, seed=self.seeds[source])

    def prepare(self, sample: Sample) -> Sequence[EncoderInput]:
        """Cut a corrupted sample into encoder inputs."""
        return self.transform.prepare(sample)


class _Embedding:
    """Samples on their way to embeddings, a batch at a time: features are let go at once."""

    def __init__(self, project: Project, name: str, strengths: Mapping[Same, float]) -> None:
        self.project, self.name = project, name
        self.pulls = (strengths["kind"], strengths["thing"])
        self._waiting: dict[object, EncodedSample] = {}
        self._done: dict[object, Tensor] = {}

    def add(self, source: object, encoded: EncodedSample) -> None:
        """Take an encoded sample."""
        self._waiting[source] = encoded
        if len(self._waiting) == BATCH_ROWS:
            self.finish()

    def finish(self) -> Mapping[object, Tensor]:
        """Embed what waits; return each source's embeddings (2, D), for kinds and for things."""
        if self._waiting:
            rows = stack_rows([self._stored(sample) for sample in self._waiting.values()])
            vectors = [
                torch.from_numpy(self.project.space.embed(self.name, rows, strength=pull))
                for pull in self.pulls
            ]
            self._done |= zip(self._waiting, torch.stack(vectors, dim=1), strict=True)
            self._waiting = {}
        return self._done

    def _stored(self, sample: EncodedSample) -> FeatureRows:
        """Round features as the store rounds the clean ones that they are compared with."""
        dtype = self.project.store.dtype
        values = sample.values.to(DTYPES[dtype]).float()
        if not values.isfinite().all():
            raise DataError(
                f"corrupted features of {self.name!r} are larger than {dtype} can hold; set "
                "features.dtype to float32 in plugins.yaml"
            )
        return FeatureRows(values=values.unsqueeze(0), mask=sample.mask.unsqueeze(0))
