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
    project = call.open(asked)
    from spaner_core.extras import need

    from spaner.evaluation.embedded_rows import embed_split
    from spaner.evaluation.evaluate import measure
    from spaner.output_paths import check_output_file
    from spaner.splits import measured_split

    if picture is not None:
        check_output_file(project, picture, flag="--map", overwrite=call.overwrite, suffix=".png")
        need("map", user="a map needs")
    embedded = embed_split(project, split, names=asked, strength=call.strength)
    figures = measure(project, embedded)
    if picture is not None:
        from spaner.evaluation.map import draw_map

        project.say(f"map written to {draw_map(embedded, picture)}")
    measured = measured_split(project.manifest, split)
    show = partial(
        say_figures,
        figures,
        list(embedded),
        rows=f"split {measured}" if measured else "all rows",
        by_item=not any(row.concept for part in embedded.values() for row in part.rows),
        details=details,
    )
    return Result(figures, show)
