"""Trains a new space: `spaner train`."""

from __future__ import annotations

from typing import Annotated

import typer
from spaner_core.progress import profiled

from spaner.cli.frame import Call, Result, framed
from spaner.cli.training_report import trained

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
    from spaner.training.train import train as train_space

    with profiled() as times:
        report = train_space(project, names or (), overwrite=call.overwrite)
    return trained(call, report, times)
