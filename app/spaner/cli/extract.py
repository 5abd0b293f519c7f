"""Extracts features once: `spaner extract`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.flags import split_names
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from spaner.training.extract import ExtractedModality, ExtractionReport

app = typer.Typer()


@app.command(epilog="Example: spaner extract vision --prune")
@framed("config manifest device json quiet")
def extract(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all declared ones by default.")
    ] = None,
    again: Annotated[
        list[str] | None,
        typer.Option("--again", help="Extract these anew, with commas: their encoder changed."),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove features that no manifest uses.")
    ] = False,
) -> Result:
    """Extract features once and keep them; interrupted, the next call goes on from there."""
    renewed = split_names(again)
    project = call.open([*(names or ()), *renewed])
    report = project.extract(*names or (), again=renewed, prune=prune)
    return Result(report, partial(_say_extraction, report), deed=True)


def _say_extraction(report: ExtractionReport) -> None:
    say(f"{report.store}: features, kept as {report.dtype}")
    say_table(
        ("modality", "rows", "extracted", "reused", "quarantined", "seconds", "rows/s"),
        [
            (m.name, m.rows, m.extracted, m.reused, m.quarantined, f"{m.seconds:.2f}", _rate(m))
            for m in report.modalities
        ],
    )
    if report.pruned is not None:
        freed = report.pruned.bytes / 2**20
        say(f"pruned: {report.pruned.rows} rows that no manifest uses, {freed:.1f} MiB")


def _rate(modality: ExtractedModality) -> str | None:
    extracts = modality.extracted and modality.seconds
    return f"{modality.extracted / modality.seconds:.0f}" if extracts else None
