"""Measures what noise costs: `spaner robustness`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from spaner.arguments import check_measures_something
from spaner.cli.flags import SplitFlag
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say_tables
from spaner.splits import TEST_SPLIT

app = typer.Typer()


@app.command(epilog="Example: spaner robustness --output runs/robustness")
@framed("overwrite config space manifest seed device json quiet")
def robustness(
    call: Call,
    inputs: Annotated[
        bool, typer.Option("--inputs/--no-inputs", help="Corrupted inputs, in the space.")
    ] = True,
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Damaged training data, anew.")
    ] = True,
    seeds: Annotated[int, typer.Option(min=1, help="How often each training is done.")] = 3,
    split: SplitFlag = TEST_SPLIT,
    output: Annotated[
        Path | None, typer.Option("--output", help="Also write tables, curves and JSON here.")
    ] = None,
) -> Result:
    """Measure what corrupted inputs and damaged training data cost in retrieval."""
    check_measures_something(inputs=inputs, training=training)
    project = call.open()
    report = project.robustness(
        inputs=inputs,
        training=training,
        seeds=seeds,
        split=split,
        output=output,
        overwrite=call.overwrite,
    )
    return Result(asdict(report), partial(say_tables, report.tables))
