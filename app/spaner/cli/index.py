"""Brings the index up to date: `spaner index`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.errors import ConfigError

from spaner.cli.flags import split_names
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spaner.index.build import IndexReport
    from spaner.index.check import CheckReport

app = typer.Typer()


@app.command(epilog="Example: spaner index vision text")
@framed("config space manifest device overwrite json quiet")
def index(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all that work here by default.")
    ] = None,
    check: Annotated[
        int | None,
        typer.Option("--check", min=1, metavar="N", help="Change nothing; compare N queries."),
    ] = None,
) -> Result:
    """Keep the embeddings of the manifest's rows beside the space; search then takes a moment.

    Rows that are new or changed are embedded, rows that are gone leave. --overwrite makes all anew.

    --check compares files with their SHA-256, and what is found for N rows of each modality with
    searches that read no index; it ends with exit code 1 where they differ.
    """
    chosen = split_names(names)
    if check is not None:
        return _checked(call, chosen, queries=check)
    report = call.open(chosen).index(*chosen, overwrite=call.overwrite)
    return Result(report, partial(_say_indexed, report), deed=True)


def _checked(call: Call, names: Sequence[str], *, queries: int) -> Result:
    if call.overwrite:
        raise ConfigError("--check changes nothing, and --overwrite does; give one of them")
    found = call.open(names).check_index(*names, queries=queries)
    failure = typer.Exit(1) if found.differences else None
    return Result(found, partial(_say_checked, found), failure=failure)


def _say_checked(found: CheckReport) -> None:
    say_table(
        ("modality", "rows", "queries", "differences"),
        [(one.modality, one.rows, one.queries, len(one.differences)) for one in found.modalities],
    )
    for said in found.differences:
        say(said)


def _say_indexed(report: IndexReport) -> None:
    say_table(
        ("modality", "rows", "embedded", "removed", "seconds"),
        [
            (one.modality, one.rows, one.embedded, one.removed, f"{one.seconds:.1f}")
            for one in report.modalities
        ],
    )
    say(f"{report.folder}: `spaner search` finds through it from now on")
