"""Attaches a modality: `spaner attach`."""

from __future__ import annotations

from typing import Annotated

import typer
from spaner_core.progress import profiled

from spaner.cli.frame import Call, Result, framed
from spaner.cli.train import trained

app = typer.Typer()


@app.command(epilog="Example: spaner attach sensor")
@framed("config space manifest seed device profile json quiet")
def attach(
    call: Call,
    name: Annotated[str, typer.Argument(help="The modality to add.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Train anew a modality that the space has.")
    ] = False,
) -> Result:
    """Add a modality to a space: train its aligner alone, change nothing that was there.

    It learns from its rows' concepts, from items that it shares with modalities of the space, or
    from both: what there is.
    """
    project = call.open([name])
    with profiled() as times:
        report = project.attach(name, replace=replace)
    return trained(call, report, times, receipt=report.receipts[0])
