"""Commands that ask a space: evaluate, search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.flags import (
    CONFIG,
    ConfigFlag,
    Device,
    DeviceFlag,
    JsonFlag,
    ManifestFlag,
    QuietFlag,
    SpaceFlag,
    StrengthFlag,
    open_project,
)
from spaner.cli.output import notice, say, say_json, say_table

if TYPE_CHECKING:
    from spaner.project import Project

RETRIEVAL = {
    "recall@1": "R@1",
    "recall@5": "R@5",
    "mrr@10": "MRR",
    "map": "mAP",
    "median_rank": "median",
    "unanswerable": "skipped",
}
COHERENCE = {"matched_cosine": "matched", "unmatched_cosine": "unmatched", "modality_gap": "gap"}


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: spaner evaluate --split test --json")(evaluate)
    app.command(epilog="Example: spaner search photo.png --from vision --to text,audio -k 5")(
        search
    )


def evaluate(
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    manifest: ManifestFlag = None,
    split: Annotated[
        str | None, typer.Option(help="Which rows: test, or all where the manifest has no splits.")
    ] = None,
    strength: StrengthFlag = None,
    device: DeviceFlag = Device.auto,
    picture: Annotated[
        Path | None, typer.Option("--map", help="Also draw a map of the space to this PNG.")
    ] = None,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Measure retrieval for every ordered pair of modalities, and how coherent the space is."""
    project = open_project(config, space=space, manifest=manifest, device=device, quiet=quiet)
    from spaner.evaluate import embed_split, measure
    from spaner.notices import left_out_notices

    if picture is not None:
        from spaner.map import check_map

        check_map(picture)
    embedded = embed_split(project, split, strength=strength)
    notice(left_out_notices(project, embedded), quiet=quiet)
    notice(project.quarantine.save(project.manifest), quiet=quiet)
    figures = measure(project, embedded)
    if picture is not None:
        from spaner.map import draw_map

        notice([f"map written to {draw_map(embedded, picture)}"], quiet=quiet)
    if not project.manifest.splits:
        notice(["the manifest has no splits: these rows were trained on too"], quiet=quiet)
    if as_json:
        say_json(figures)
    else:
        _say_figures(figures, list(embedded), _rows_measured(project, split))


def search(
    query: Annotated[str, typer.Argument(help="A path, or a text.")],
    source: Annotated[str, typer.Option("--from", help="The query's modality.")],
    to: Annotated[str, typer.Option("--to", help="Modalities to find, with commas.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many to find.")] = 10,
    split: Annotated[str | None, typer.Option(help="Only these rows.")] = None,
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    manifest: ManifestFlag = None,
    strength: StrengthFlag = None,
    device: DeviceFlag = Device.auto,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Find rows of other modalities by a photo, a text, a sound or a series."""
    project = open_project(config, space=space, manifest=manifest, device=device, quiet=quiet)
    from spaner.search.exact import search as search_rows

    targets = [name.strip() for name in to.split(",") if name.strip()]
    hits = search_rows(
        project, query, source=source, targets=targets, k=k, split=split, strength=strength
    )
    notice(project.quarantine.save(project.manifest), quiet=quiet)
    if as_json:
        say_json([asdict(hit) for hit in hits])
        return
    say_table(
        ("rank", "score", "modality", "concept", "input"),
        [(h.rank, h.score, h.modality, h.concept, h.input) for h in hits],
    )


def _rows_measured(project: Project, split: str | None) -> str:
    return f"split {split or 'test'}" if project.manifest.splits else "all rows"


def _say_figures(figures: Mapping[str, float | None], names: list[str], rows: str) -> None:
    pairs = [(a, b) for a in names for b in names if a != b]
    say(f"Retrieval, {rows} (skipped: queries without any match in the gallery)")
    say_table(
        ("query", "finds", *RETRIEVAL.values()),
        [(a, b, *(figures[f"{a}_to_{b}_{key}"] for key in RETRIEVAL)) for a, b in pairs],
    )
    together = [(a, b) for a, b in pairs if f"{a}_to_{b}_modality_gap" in figures]
    say("Coherence: mean cosines, and the distance of the modalities' centres")
    say_table(
        ("modalities", "", *COHERENCE.values()),
        [(a, b, *(figures[f"{a}_to_{b}_{key}"] for key in COHERENCE)) for a, b in together],
    )
    agreement = ", ".join(
        f"{name} {value:.3f}"
        for name in names
        if (value := figures.get(f"{name}_knn_agreement")) is not None
    )
    say(f"Neighbours kept from the encoder's own space (10 nearest): {agreement or 'no figure'}")
    say(f"Mean recall@1 {_figure(figures['mean_recall@1'])}, "
        f"mean mAP {_figure(figures['mean_map'])} over ordered pairs")  # fmt: skip


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
