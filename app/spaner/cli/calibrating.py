"""The command that says what cosines are worth: calibrate."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.flags import (
    CONFIG,
    ConfigFlag,
    Device,
    DeviceFlag,
    JsonFlag,
    ManifestFlag,
    OverwriteFlag,
    QuietFlag,
    SpaceFlag,
    StrengthFlag,
    as_name,
    open_project,
)
from spaner.cli.output import notice, say, say_json, say_table
from spaner.splits import VALIDATION_SPLIT, check_calibration_split

if TYPE_CHECKING:
    from spaner.calibrating import CalibrationReport


def register(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command(epilog="Example: spaner calibrate --split validation --false-accept 0.05")(
        calibrate
    )


def calibrate(
    split: Annotated[
        str, typer.Option(callback=as_name, help="Rows to fit on, neither trained nor tested on.")
    ] = VALIDATION_SPLIT,
    false_accept: Annotated[
        float, typer.Option(help="Share of queries without a match that may pass all the same.")
    ] = 0.05,
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    manifest: ManifestFlag = None,
    strength: StrengthFlag = None,
    device: DeviceFlag = Device.auto,
    overwrite: OverwriteFlag = False,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Fit what a hit's score is worth, and below which score there is no match; search uses it."""
    from spaner.refusals import check_false_accept_rate

    check_false_accept_rate(false_accept)
    check_calibration_split(split)
    project = open_project(config, space=space, manifest=manifest, device=device, quiet=quiet)
    from spaner.calibrating import calibrate as calibrate_space

    report = calibrate_space(
        project,
        split=split,
        false_accept_rate=false_accept,
        strength=strength,
        overwrite=overwrite,
    )
    notice(report.notices, quiet=quiet)
    if as_json:
        say_json(asdict(report))
    else:
        _say_calibration(report)


def _say_calibration(report: CalibrationReport) -> None:
    calibration = report.calibration
    say(f"{report.path}: fitted on split {calibration.split}")
    say(
        f"Shares wrongly accepted (at most {calibration.false_accept_rate:g} was asked for) and "
        "wrongly rejected,\nreached on these rows: on harder ones expect more"
    )
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
