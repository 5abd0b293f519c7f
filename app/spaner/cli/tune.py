"""Chooses settings: `spaner tune`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table
from spaner.splits import VALIDATION_SPLIT, check_not_test

if TYPE_CHECKING:
    from spaner.experiments.tune import TuningReport

app = typer.Typer()


@app.command(epilog="Example: spaner tune --trials 40 --output tuned.yaml")
@framed("config device overwrite json quiet")
def tune(
    call: Call,
    trials: Annotated[int, typer.Option(min=1, help="How many to have in all.")] = 20,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Begin no further trial after so long.")
    ] = None,
    split: Annotated[
        str, typer.Option(callback=as_name, help="Rows to choose by; never test.")
    ] = VALIDATION_SPLIT,
    output: Annotated[
        Path | None, typer.Option(help="The configuration to write, beside the one given.")
    ] = None,
) -> Result:
    """Choose width, dropout, learning rate, lambda and strength; called again, it goes on."""
    check_not_test(split)
    report = call.open().tune(
        trials=trials,
        seconds=seconds,
        split=split,
        output=output,
        overwrite=call.overwrite,
    )
    return Result(report, partial(_say_best, report, split=split))


def _say_best(report: TuningReport, *, split: str) -> None:
    say(f"{report.output}: the best; trials: {report.trials}, {report.new_trials} of them new")
    say_table(("setting", "value"), [(key, _written(v)) for key, v in report.best.items()])
    say(
        f"mean mAP by {report.chosen_by} on split {split}: {report.before:.4f} before, "
        f"{report.best_map:.4f} now. This split has chosen, so judge the result by another"
    )


def _written(value: object) -> str | None:
    """Write a setting with all the digits that it has in the file."""
    return None if value is None else str(value)
