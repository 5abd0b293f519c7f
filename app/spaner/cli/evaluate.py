"""Measures a space: `spaner evaluate`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from spaner.arguments import check_several, check_suffix
from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.metric_tables import say_figures

app = typer.Typer()


@app.command(epilog="Example: spaner evaluate text vision --split test --json")
@framed("config space manifest split strength device picture overwrite details json quiet")
def evaluate(
    call: Call,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Modalities, two or more; all that work here by default."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            callback=as_name, help="Which rows: test, or all where the manifest has no splits."
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--map", help="Also draw a map of the space to this PNG.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="Also say hubs and alignment.")
    ] = False,
) -> Result:
    """Measure retrieval for every ordered pair of modalities, and how coherent the space is.

    A modality that is not declared, or whose plugin is absent or broken, is left out with a note,
    unless it is named.
    """
    asked = tuple(names or ())
    check_several(asked)
    check_suffix(picture, flag="--map", suffix=".png")
    found = call.open(asked).evaluate(
        *asked, split=split, strength=call.strength, map_file=picture, overwrite=call.overwrite
    )
    return Result(dict(found), partial(say_figures, found, details=details))
