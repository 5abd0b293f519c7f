"""Checks a project: `spaner check`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.progress import describe_seconds

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from spaner.check import CheckReport

app = typer.Typer()


@app.command(epilog="Example: spaner check")
@framed("config space manifest deep json quiet")
def check(
    call: Call,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every input instead of its beginning.")
    ] = False,
) -> Result:
    """Check configuration, manifest and every input; say what would train."""
    project = call.open()
    from spaner_core.errors import DataError

    from spaner.check import check_project, describe_unusable

    report = check_project(project, deep=deep)
    if not (deep or call.json):
        project.say("of files only the beginnings were read; --deep reads all of them")
    failure = DataError(describe_unusable(project, report)) if report.too_many else None
    return Result(report, partial(_say_check, report), failure=failure)


def _say_check(report: CheckReport) -> None:
    trained = "trained" if report.space_exists else "not trained yet"
    say(f"{report.config}: {len(report.concepts)} concepts; space {report.space}, {trained}")
    say_table(
        ("modality", "rows", "unusable", "to train", "concepts", "tokens", "parameters"),
        [
            (m.name, m.rows, m.unusable, m.training_rows, m.concepts, m.tokens, m.parameters)
            for m in report.modalities
        ],
    )
    say(f"to train: {report.steps:,} steps, {describe_seconds(report.expected_s)} on one thread")
