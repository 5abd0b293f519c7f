"""Makes scores readable: `spaner calibrate`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.arguments import check_rates
from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table
from spaner.splits import VALIDATION_SPLIT, check_calibration_split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spaner.search.calibrate import CalibrationReport
    from spaner.search.calibration_file import CalibratedPair, Calibration
    from spaner.search.familiar_rows import FamiliarRows

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
    unfamiliar: Annotated[
        float, typer.Option(help="Share of known inputs that may be called unfamiliar.")
    ] = 0.05,
) -> Result:
    """Fit what a hit's score is worth, and below which score there is no match; search uses it.

    Rows of each modality go with it that queries are compared with: one that is unlike all of them
    is called unfamiliar, and its hits get no probability.
    """
    check_rates(false_accept=false_accept, unfamiliar=unfamiliar)
    check_calibration_split(split)
    report = call.open().calibrate(
        split=split,
        false_accept_rate=false_accept,
        unfamiliar_rate=unfamiliar,
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
    if report.familiar:
        say("Queries are compared with these rows; the held-out ones say what is familiar")
        _say_familiar(report.familiar)


def _say_familiar(familiar: Mapping[str, FamiliarRows]) -> None:
    say_table(
        ("query", "rows", "held out", "groups", "unfamiliar from p"),
        [
            (name, rows.references, rows.held_out, rows.groups, f"{rows.rate:g} down")
            for name, rows in familiar.items()
        ],
    )


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
    rates = sorted({one.asked for pair in calibration.pairs for one in pair.cutoffs}, reverse=True)
    if rates:
        say(
            "Thresholds for other rates, each from 1 / rate queries or more;\n"
            "found is the share of queries with a match that pass"
        )
        say_table(
            ("query", "finds", *(head for rate in rates for head in (f"at {rate:g}", "found"))),
            [
                (
                    pair.source,
                    pair.target,
                    *(cell for rate in rates for cell in _cutoff(pair, rate)),
                )
                for pair in calibration.pairs
            ],
        )


def _cutoff(pair: CalibratedPair, rate: float) -> tuple[float | None, float | None]:
    """Return the cosine and the recall at a false-accept rate, where both are known."""
    found = next((one for one in pair.cutoffs if one.asked == rate), None)
    if found is None:
        return None, None
    rejected = found.false_reject_rate
    return found.cosine, None if rejected is None else 1 - rejected
