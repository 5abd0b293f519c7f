"""Takes rows out for good: `spaner forget`."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.errors import ConfigError

from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spaner.forgetting.forget import ForgetReport

app = typer.Typer()


@app.command(epilog="Example: spaner forget vision-1401 --yes")
@framed("config space manifest yes json quiet")
def forget(
    call: Call,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of rows.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> Result:
    """Take rows out of all that is kept, for good, by the ids that hits show.

    That is stored features, the index, rows that queries are compared with, words of the audit log,
    the table of unusable rows, and later trainings: also where the manifest still lists the row, or
    the same bytes under another id. Says which trained aligners have seen it. The manifest, input
    files and the trained space stay as they are.
    """
    names = [as_name(one) or "" for one in ids]
    if not yes:
        _ask(names)
    report = call.open().forget(*names)
    return Result(report, partial(_say_forgotten, report), deed=True)


def _ask(ids: Sequence[str]) -> None:
    """Raise `ConfigError` unless somebody says yes."""
    if not sys.stdin.isatty():
        raise ConfigError("forgetting cannot be undone, and nobody can be asked here; give --yes")
    if not typer.confirm(f"Forget {', '.join(ids)} for good?", err=True):
        raise ConfigError("nothing was forgotten")


def _say_forgotten(report: ForgetReport) -> None:
    say(f"forgotten: {', '.join(report.ids)}")
    removed = {
        "stored features": report.features,
        "rows of the index": report.indexed,
        "rows that queries were compared with": report.references,
        "readable parts of the audit log": report.readable,
    }
    say(f"removed: {', '.join(f'{count:,} {what}' for what, count in removed.items())}")
    if report.seen_by:
        say(
            f"trained on it: {', '.join(report.seen_by)}; where weights are to forget it too, "
            "`spaner attach NAME --replace`, or train anew"
        )
    if report.untold:
        say(f"not known, as their trainings kept no record: {', '.join(report.untold)}")
    if not (report.seen_by or report.untold):
        say("no aligner was trained on it")
    if report.lines:
        lines = ", ".join(map(str, report.lines))
        said = "line" if len(report.lines) == 1 else "lines"
        say(f"yours to remove: {said} {lines} of {report.manifest}")
    for file in report.files:
        say(f"yours to remove: {file}")
