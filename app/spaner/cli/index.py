"""Brings the index up to date: `spaner index`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.flags import split_names
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from spaner.index.build import IndexReport

app = typer.Typer()


@app.command(epilog="Example: spaner index vision text")
@framed("config space manifest device overwrite json quiet")
def index(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all that work here by default.")
    ] = None,
) -> Result:
    """Keep the embeddings of the manifest's rows beside the space; search then takes a moment.

    Rows that are new or changed are embedded, rows that are gone leave. --overwrite makes all anew.
    """
    chosen = split_names(names)
    report = call.open(chosen).index(*chosen, overwrite=call.overwrite)
    return Result(report, partial(_say_indexed, report), deed=True)


def _say_indexed(report: IndexReport) -> None:
    say_table(
        ("modality", "rows", "embedded", "removed", "seconds"),
        [
            (one.modality, one.rows, one.embedded, one.removed, f"{one.seconds:.1f}")
            for one in report.modalities
        ],
    )
    say(f"{report.folder}: `spaner search` finds through it from now on")
