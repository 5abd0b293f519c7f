"""Trains a new space: `spaner train`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.progress import Profile, profiled

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from spaner_core.space.records import Same

    from spaner.training.train import TrainingReport


app = typer.Typer()


@app.command(epilog="Example: spaner train text vision audio")
@framed("config space manifest seed device overwrite profile json quiet")
def train(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all declared ones by default.")
    ] = None,
) -> Result:
    """Train a new space: the shared prompt with the named modalities."""
    project = call.open(names or ())
    with profiled() as times:
        report = project.train(*names or (), overwrite=call.overwrite)
    return trained(call, report, times)


def trained(
    call: Call, report: TrainingReport, times: Profile, *, receipt: Path | None = None
) -> Result:
    """Return a training's result: rows, parameters, the receipt, and where the time went."""
    parts = times.parts() if call.profile else {}

    def show() -> None:
        _say_report(report)
        if receipt is not None:
            say_receipt(receipt)
        if parts:
            _say_profile(parts)

    return Result(report, show, more={"profile_s": parts} if parts else {}, deed=True)


def say_receipt(path: Path) -> None:
    """Say what a receipt proves of the files that were there before."""
    from spaner_core.space.receipts import read_receipt

    receipt = read_receipt(path)
    before, unchanged = receipt["others_before"], receipt["others_unchanged"]
    verdict = "each has the SHA-256 it had before" if unchanged else "SOME CHANGED"
    say(f"{len(before)} files were in the space: {verdict}. Receipt: {path}")


def _say_report(report: TrainingReport) -> None:
    learnt = []
    if report.concepts:
        learnt += [f"rows of {report.concepts} concepts; anchors: {report.anchors}"]
    if report.pairs:
        learnt += [f"{sum(report.pairs.values()):,} pairs with {', '.join(report.pairs)}"]
    say(f"{report.space}: trained on {'; '.join(learnt) or 'items alone; no anchors'}")
    say_table(
        ("modality", "training rows", "trained parameters"),
        [(name, rows, report.trained_parameters[name]) for name, rows in report.rows.items()],
    )
    if report.strengths:
        say(f"search looks for {''.join(_looked_for(report.strengths))}")


def _looked_for(strengths: Mapping[Same, float]) -> Iterator[str]:
    """Say what search looks for: kinds by default where a training had any."""
    if "kind" in strengths:
        yield f"the same kind (pull strength {strengths['kind']:g})"
    if "thing" in strengths:
        asked = ", with --same thing for " if "kind" in strengths else ""
        yield f"{asked}the very same thing (pull strength {strengths['thing']:g})"


def _say_profile(parts: dict[str, float]) -> None:
    total_s = sum(parts.values())
    say_table(
        ("where the time went", "seconds", "share"),
        [(name, f"{seconds:.2f}", f"{seconds / total_s:.0%}") for name, seconds in parts.items()],
    )
