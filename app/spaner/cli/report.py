"""Writes a report: `spaner report`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.errors import ConfigError, DataError

from spaner.arguments import check_suffix
from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say

if TYPE_CHECKING:
    from spaner.report.check import ReportCheck
    from spaner.report.write import WrittenReport

app = typer.Typer()


@app.command(epilog="Example: spaner report --output report.html")
@framed("config space manifest split device output overwrite json quiet")
def report(
    call: Call,
    question: Annotated[
        str | None, typer.Option(help="What is to be decided, as the report's title.")
    ] = None,
    value_per_hit: Annotated[
        float | None, typer.Option(help="What a right first hit is worth, in a unit of yours.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", help="Measure a report's figures again.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            callback=as_name, help="Which rows: test, or all where the manifest has no splits."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write one HTML page to this file.")
    ] = None,
) -> Result:
    """Write what was measured as one HTML file, or check the figures of one."""
    if (check is None) == (output is None):
        raise ConfigError("name a file to write with --output, or one to compare with --check")
    if check is not None:
        compared = call.open().check_report(check)
        failure = None
        if not compared.holds:
            failure = typer.Exit(2) if call.json else DataError("\n".join(compared.changed))
        return Result(asdict(compared), partial(_say_check, compared), failure=failure)
    check_suffix(output, flag="--output", suffix=".html")
    assert output is not None
    written = call.open().report(
        output,
        question=question,
        value_per_hit=value_per_hit,
        split=split,
        overwrite=call.overwrite,
    )
    return Result(written, partial(_say_written, written))


def _say_written(written: WrittenReport) -> None:
    say(f"{written.word}. {written.sentence}")
    for line in written.lacking:
        say(f"not shown: {line}")
    say(f"report written to {written.path}")


def _say_check(compared: ReportCheck) -> None:
    if compared.holds:
        say(f"{compared.path}: {compared.compared:,} figures, every one as it is now")
