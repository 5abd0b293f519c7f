"""Shows the figures of an evaluation: a small table per question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from spaner.cli.output import say, say_table
from spaner.result_tables import NOTHING, figure_cell

if TYPE_CHECKING:
    from spaner.evaluation.evaluate import Evaluation

Figures = Mapping[str, float | None]

RETRIEVAL = {
    "recall@1": "R@1",
    "recall@5": "R@5",
    "mrr@10": "MRR",
    "map": "mAP",
    "median_rank": "median",
    "unanswerable": "skipped",
}
COHERENCE = {"matched_cosine": "matched", "unmatched_cosine": "unmatched", "modality_gap": "gap"}
MODALITY = {"knn_agreement": "neighbours", "linear_cka": "CKA", "uniformity": "uniformity"}


def say_figures(figures: Evaluation, *, details: bool) -> None:
    """Say what an evaluation found, with `details` also hubs and alignment."""
    names, by_item = figures.modalities, figures.by_item
    rows = f"split {figures.split}" if figures.split else "all rows"
    pairs = [(a, b) for a in names for b in names if a != b]
    by, strength = " by item" if by_item else "", figures["strength"]
    say(f"Retrieval{by}, {rows}, pull strength {strength:g} (skipped: nothing relevant there)")
    _say_retrieval(figures, pairs)
    if not by_item:
        _say_retrieval_by_item(figures, pairs)
    _say_one_gallery(figures, names)
    if details:
        _say_hubs(figures, names)
    _say_coherence(figures, pairs, details=details)
    _say_modalities(figures, names)
    if not by_item:
        _say_clusters(figures)
    say(
        f"Mean recall@1 {figure_cell(figures['mean_recall@1'])}, "
        f"mean mAP {figure_cell(figures['mean_map'])} over ordered pairs"
    )
    if "mean_item_map" in figures and not by_item:
        recall, more, mrr = (
            figure_cell(figures[f"mean_item_{key}"]) for key in ("recall@1", "recall@5", "mrr@10")
        )
        say(f"By item: mean recall@1 {recall}, recall@5 {more}, MRR {mrr}")
    more = "" if details else "hubs and alignment with --details, "
    say(f"More: {more}every figure with --json")


def _say_clusters(figures: Figures) -> None:
    say(
        f"Clusters follow concepts {figure_cell(figures['concept_v_measure'])}, modalities "
        f"{figure_cell(figures['modality_v_measure'])} (V-measure, 0 to 1)"
    )


def _say_retrieval(figures: Figures, pairs: Sequence[tuple[str, str]], by: str = "") -> None:
    say_table(
        ("query", "finds", *RETRIEVAL.values()),
        [(a, b, *(figures[f"{a}_to_{b}_{by}{key}"] for key in RETRIEVAL)) for a, b in pairs],
    )


def _say_retrieval_by_item(figures: Figures, pairs: Sequence[tuple[str, str]]) -> None:
    having = [(a, b) for a, b in pairs if f"{a}_to_{b}_item_map" in figures]
    if having:
        strength = figures["item_strength"]
        say(f"Retrieval by item, pull strength {strength:g}: not what is alike, but the same thing")
        _say_retrieval(figures, having, by="item_")


def _say_one_gallery(figures: Figures, names: Sequence[str]) -> None:
    say("In one gallery: % of the first 10 places / of the relevant rows, by modality")

    def crowding(source: str, name: str) -> str:
        prefix = f"{source}_among_all_{name}"
        return (
            f"{_percent(figures[f'{prefix}_places@10'])}/{_percent(figures[f'{prefix}_relevant'])}"
        )

    say_table(
        ("query", "R@1", "mAP", *names),
        [
            (
                source,
                figures[f"{source}_among_all_recall@1"],
                figures[f"{source}_among_all_map"],
                *(crowding(source, name) for name in names),
            )
            for source in names
        ],
    )


def _say_hubs(figures: Figures, names: Sequence[str]) -> None:
    say("Hubs: skewness of finds among the first 10 / % of the gallery never found")

    def uneven(a: str, b: str) -> str:
        if a == b:
            return ""
        skewness = figures[f"{a}_to_{b}_hub_skewness@10"]
        never = _percent(figures[f"{a}_to_{b}_never_found@10"])
        return f"{NOTHING if skewness is None else f'{skewness:.1f}'}/{never}"

    say_table(("query", *names), [(a, *(uneven(a, b) for b in names)) for a in names])


def _say_coherence(figures: Figures, pairs: Sequence[tuple[str, str]], *, details: bool) -> None:
    columns = COHERENCE | ({"alignment": "alignment"} if details else {})
    together = [(a, b) for a, b in pairs if f"{a}_to_{b}_modality_gap" in figures]
    say("Coherence: mean cosines, and the distance of the modalities' centres")
    say_table(
        ("modalities", "", *columns.values()),
        [(a, b, *(figures[f"{a}_to_{b}_{key}"] for key in columns)) for a, b in together],
    )


def _say_modalities(figures: Figures, names: Sequence[str]) -> None:
    say("Kept of the encoder's own space: 10 neighbours, linear CKA; and uniformity")
    say_table(
        ("modality", *MODALITY.values()),
        [(name, *(figures[f"{name}_{key}"] for key in MODALITY)) for name in names],
    )


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.0%}".removesuffix("%")
