"""Makes scores readable: `spaner calibrate`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.arguments import check_false_accept_rate
from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table
from spaner.splits import VALIDATION_SPLIT, check_calibration_split

if TYPE_CHECKING:
    from spaner.search.calibrate import CalibrationReport
    from spaner.search.calibration_file import Calibration

app = typer.Typer()


@app.command(epilog="Example: spaner calibrate --split validation --false-accept 0.05")
@framed("config space manifest strength device overwrite json quiet")
def calibrate(
    call: Call,
    split: Annotated[
        str, typer.Option(callback=as_name, help="Rows to fit on, neither trained nor tested on.")
    ] = VALIDATION_SPLIT,
    false_accept: Annotated[
        float, typer.Option(help="Share of queries without a match that may pass all the same.")
    ] = 0.05,
) -> Result:
    """Fit what a hit's score is worth, and below which score there is no match; search uses it."""
    check_false_accept_rate(false_accept)
    check_calibration_split(split)
    report = call.open().calibrate(
        split=split,
        false_accept_rate=false_accept,
        strength=call.strength,
        overwrite=call.overwrite,
    )
    return Result(report, partial(_say_calibration, report))


def _say_calibration(report: CalibrationReport) -> None:
    calibration = report.calibration
    say(f"{report.path}: fitted on split {calibration.split}")
    say(
        f"Shares wrongly accepted (at most {calibration.false_accept_rate:g} was asked for) and "
        "wrongly rejected,\nreached on these rows: on harder ones expect more"
    )
    _say_pairs(calibration)
    if calibration.things is not None:
        say(f"By item, pull strength {calibration.things.strength:g}: for search --same thing")
        _say_pairs(calibration.things)


def _say_pairs(calibration: Calibration) -> None:
    say_table(
        ("query", "finds", "queries", "gallery", "threshold", "accepted", "rejected"),
        [
            (
                pair.source,
                pair.target,
                pair.queries,
                pair.gallery,
                *(
                    (fitted.cosine, fitted.false_accept_rate, fitted.false_reject_rate)
                    if (fitted := pair.threshold)
                    else (None, None, None)
                ),
            )
            for pair in calibration.pairs
        ],
    )
