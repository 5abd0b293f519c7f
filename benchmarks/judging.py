"""What calibrated scores and carried labels are worth on test rows, by ordered pair."""

from __future__ import annotations

from functools import partial
from itertools import permutations

import torch
from sklearn.metrics import brier_score_loss
from spaner.evaluation.embedded_rows import EmbeddedRows, embed_split
from spaner.labelling.propagate import propagate
from spaner.labelling.request import Propagation
from spaner.project import Project
from spaner.search.calibrate import calibrate
from spaner.search.calibration_file import (
    CalibratedPair,
    calibration_path,
    read_calibration,
    read_familiar,
)
from spaner.search.fit_pairs import FIRST_HITS
from spaner.search.gallery import anchors_near
from spaner.search.judged_query import judge
from spaner_core.data.matches import SamplePositives, number_rows, one_a_sample
from spaner_core.evaluation.ranking import unit_pair
from torch import Tensor

SPLIT = "test"
Figures = dict[str, float | None]


def judge_scores(project: Project) -> Figures:
    """Calibrate on validation rows, and compare what that promises with test rows."""
    calibration = calibrate(project, overwrite=True).calibration
    embedded = embed_split(project, SPLIT)
    labels = {name: number_rows(part.rows, project.manifest) for name, part in embedded.items()}
    samples = {name: one_a_sample(part.embeddings, labels[name]) for name, part in embedded.items()}
    known = {
        name: _recognised(project, name, part)[labels[name].first_rows()]
        for name, part in embedded.items()
    }
    figures: Figures = {}
    for pair in calibration.pairs:
        queries, gallery = unit_pair(samples[pair.source], samples[pair.target])
        relevant = SamplePositives(labels[pair.source], labels[pair.target])[slice(None)]
        near = partial(anchors_near, project, pair.target)
        alike = near(queries.float()).unsqueeze(1) == near(gallery.float())
        cosines = queries @ gallery.T
        figures |= _promised_and_found(pair, cosines, relevant, known[pair.source], alike)
    return figures


def _recognised(project: Project, name: str, part: EmbeddedRows) -> Tensor:
    """Say which rows are told from rows of unknown kinds, (n,) bool: all where nothing tells."""
    path = calibration_path(project.config.space)
    familiar, rate = read_familiar(path, name), read_calibration(path).false_accept_rate
    if familiar is None or familiar.kinds is None:
        return torch.ones(len(part.rows), dtype=torch.bool)
    said = judge(project, name, project.features(name, part.rows).features, familiar)
    return torch.tensor([one.kind is not None and one.kind <= rate for one in said])


def _promised_and_found(
    pair: CalibratedPair, cosines: Tensor, relevant: Tensor, known: Tensor, alike: Tensor
) -> Figures:
    """Compare by `cosines` (Q, G), which rows are `relevant` (Q, G), which kinds `known` (Q,).

    `alike` (Q, G) says which have the same nearest anchor.
    """
    figures: Figures = {}
    if pair.probability is not None:
        first, places = cosines.topk(min(FIRST_HITS, cosines.shape[1]), dim=1)
        promised = [pair.probability.at(cosine) for cosine in first.flatten().tolist()]
        found = relevant.gather(1, places).flatten()
        figures["promised"] = sum(promised) / len(promised)
        figures["relevant"] = float(found.double().mean())
        figures["brier"] = float(brier_score_loss(found.numpy(), promised))
    if pair.threshold is not None:
        cosine = pair.threshold.at(cosines.shape[1])
        if pair.threshold.same_anchor:
            cosines = cosines.masked_fill(~alike, -torch.inf)
        absent = (cosines.masked_fill(relevant, -torch.inf).amax(dim=1) >= cosine) & known
        present = (cosines.amax(dim=1) >= cosine) & known
        figures["validation_accepts"] = pair.threshold.false_accept_rate
        figures["accepts"] = _share(absent[~relevant.all(dim=1)])
        figures["rejects"] = _share(~present[relevant.any(dim=1)])
    return {f"{pair.source}_to_{pair.target}_{name}": value for name, value in figures.items()}


def _share(marks: Tensor) -> float | None:
    return float(marks.double().mean()) if len(marks) else None


def judge_labels(project: Project) -> Figures:
    """Carry labels of training rows to test rows whose own are held back."""
    figures: Figures = {}
    for source, target in permutations(project.space.modalities, 2):
        if not _share_concepts(project, source, target):
            continue
        sure, every = (
            propagate(
                project,
                Propagation(
                    source=source, target=target, split=SPLIT, check=True, min_confidence=least
                ),
            ).measured
            for least in (None, 0.0)
        )
        if sure is not None and every is not None:
            figures[f"{source}_to_{target}_labelled"] = sure.coverage
            figures[f"{source}_to_{target}_right"] = sure.accuracy
            figures[f"{source}_to_{target}_all_right"] = every.accuracy
    return figures


def _share_concepts(project: Project, source: str, target: str) -> bool:
    known = (set(project.manifest.select(name).concepts) for name in (source, target))
    return bool(set.intersection(*known))
