"""Writes embeddings to a file: `spaner export`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.space.records import Same

from spaner.arguments import check_suffix, one_strength
from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say

if TYPE_CHECKING:
    from spaner.export import ExportReport

app = typer.Typer()


@app.command(epilog="Example: spaner export vision vision.parquet --split test")
@framed("config space manifest strength device overwrite json quiet")
def export(
    call: Call,
    name: Annotated[str, typer.Argument(help="The modality whose rows to export.")],
    output: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    split: Annotated[str | None, typer.Option(callback=as_name, help="Only these rows.")] = None,
    same: Annotated[
        Same | None,
        typer.Option("--same", help="Embed to look for the very same thing, or the same kind."),
    ] = None,
) -> Result:
    """Write embeddings as Parquet: a row of the manifest each, with all its columns."""
    strength = one_strength(call.strength, same)
    check_suffix(output, flag="output", suffix=".parquet")
    report = call.open([name]).export(
        name, output, split=split, strength=strength, overwrite=call.overwrite
    )
    return Result(report, partial(_say_exported, report), deed=True)


def _say_exported(report: ExportReport) -> None:
    say(
        f"{report.path}: embeddings of {report.rows:,} rows of {report.modality!r}, {report.dim} "
        f"numbers each, pull strength {report.key.strength:g}"
    )
