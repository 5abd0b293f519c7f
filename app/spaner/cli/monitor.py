"""Watches new data: `spaner monitor`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.arguments import check_suffix
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table, tell
from spaner.monitoring.bounds import FALSE_ALARMS, Bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spaner.monitoring.report import DriftReport, ModalityDrift, WatchedShare

PASSED = 3
"""Exit code where a bound that was asked for is passed."""

HEADS = ("95%", "to", "usual")

NamesArgument = Annotated[
    list[str] | None, typer.Argument(help="Modalities; all of its rows by default.")
]
MaxUnfamiliarFlag = Annotated[
    float | None, typer.Option(help="Exit with 3 where more of a modality's rows are unfamiliar.")
]
MaxNoMatchFlag = Annotated[
    float | None,
    typer.Option(help="Exit with 3 where more have no match in another modality."),
]
FailFlag = Annotated[
    bool, typer.Option("--fail-on-drift", help="Exit with 3 where there is drift.")
]
FalseAlarmsFlag = Annotated[
    float, typer.Option(help="Share of reports that may find drift where there is none.")
]
OutputFlag = Annotated[Path | None, typer.Option(help="Also write the report to this JSON.")]

app = typer.Typer()


@app.command(epilog="Example: spaner monitor new.csv --max-unfamiliar 0.1")
@framed("config space manifest device overwrite json quiet")
def monitor(
    call: Call,
    new: Annotated[Path, typer.Argument(help="A manifest of new data.")],
    names: NamesArgument = None,
    max_unfamiliar: MaxUnfamiliarFlag = None,
    max_no_match: MaxNoMatchFlag = None,
    fail_on_drift: FailFlag = False,
    false_alarms: FalseAlarmsFlag = FALSE_ALARMS,
    output: OutputFlag = None,
) -> Result:
    """Say whether new data is like that which the calibration was fitted on.

    For each modality: how many rows are unfamiliar or without a match, whether features, scores or
    concepts drift. Exit code 3 means that a bound is passed; nothing but features is kept.
    """
    Bounds(max_unfamiliar=max_unfamiliar, max_no_match=max_no_match, false_alarms=false_alarms)
    check_suffix(output, flag="--output", suffix=".json")
    asked = tuple(names or ())
    report = call.open(asked).monitor(
        new,
        *asked,
        max_unfamiliar=max_unfamiliar,
        max_no_match=max_no_match,
        false_alarms=false_alarms,
        output=output,
        overwrite=call.overwrite,
    )
    failed = bool(report.passed) or (fail_on_drift and report.drifted)
    return Result(
        report,
        partial(_say_drift, report),
        more={"output": output},
        failure=typer.Exit(PASSED) if failed else None,
    )


def _say_drift(report: DriftReport) -> None:
    say(f"Rows of {report.new}, and what is usual: that of the held-out rows, {report.split}")
    say_table(
        ("modality", "rows", "unusable", "held out", "unfamiliar", *HEADS),
        [
            (one.modality, one.rows, one.unusable, one.held_out, *_cells(one.unfamiliar))
            for one in report.modalities
        ],
    )
    _say_matches(report.modalities)
    _say_tests(report)
    for bound in report.passed:
        tell(f"bound passed: {bound}")


def _say_matches(found: Sequence[ModalityDrift]) -> None:
    rows = [
        (one.modality, part.target, *_cells(part.no_match), part.score, part.held_out_score)
        for one in found
        for part in one.towards
    ]
    if rows:
        say("Best hits among the training rows: the share without a match, and their median score")
        say_table(("query", "finds", "no match", *HEADS, "score", "usual"), rows)


def _say_tests(report: DriftReport) -> None:
    found = [
        (one.modality, what, test.effect, f"{test.p_value:.1g}", f"{test.adjusted:.1g}")
        for one in report.modalities
        for what, test in one.tests
        if test.drifted
    ]
    how = (
        f"{report.tests} tests; where new data is like the held-out rows, at most "
        f"{report.false_alarms:g} of reports find drift"
    )
    if not found:
        say(f"No drift was found ({how})")
        return
    say(f"Drift was found ({how})")
    say_table(("modality", "drift of", "effect", "p", "p of all tests"), found)


def _cells(share: WatchedShare | None) -> tuple[float | None, ...]:
    if share is None:
        return (None,) * 4
    return share.new, share.low, share.high, share.held_out
