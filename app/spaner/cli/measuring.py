"""Commands that train and measure many times: few-shot, robustness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table
from spaner.splits import TEST_SPLIT

if TYPE_CHECKING:
    from spaner.tables import Table

SplitFlag = Annotated[
    str, typer.Option("--split", callback=as_name, help="Which rows are measured.")
]

app = typer.Typer()


@app.command(epilog="Example: spaner few-shot --shots 1,4,16 --seeds 5")
@framed("config manifest seed device json quiet")
def few_shot(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all declared ones by default.")
    ] = None,
    shots: Annotated[
        str, typer.Option(help="Labelled rows a concept, with commas.")
    ] = "1,2,4,8,16",
    seeds: Annotated[int, typer.Option(min=1, help="How often each is drawn and trained.")] = 5,
    split: SplitFlag = TEST_SPLIT,
) -> Result:
    """Train on a few labelled rows a concept, again and again; say how close it comes to all."""
    from spaner.refusals import read_shots

    counts = read_shots(shots)
    project = call.open(names or ())
    from spaner.few_shot import few_shot as measure
    from spaner.few_shot import few_shot_table

    report = measure(project, names or (), shots=counts, seeds=seeds, split=split)
    return Result(report, lambda: _say([few_shot_table(report)]))


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
    from spaner.refusals import check_measures_something

    check_measures_something(inputs=inputs, training=training)
    project = call.open()
    from spaner.outputs import check_output_folder
    from spaner.robustness.report import check_report_output, measure_robustness, write_report

    if output is not None:
        check_output_folder(project, output, flag="--output")
        check_report_output(output, overwrite=call.overwrite, curves=inputs)
    report = measure_robustness(project, inputs=inputs, training=training, seeds=seeds, split=split)
    if output is not None:
        write_report(report, output, overwrite=call.overwrite)
        project.say(f"report written to {output}")
    return Result(asdict(report), partial(_say, report.tables))


def _say(tables: Sequence[Table]) -> None:
    for table in tables:
        say(table.title)
        say_table(table.columns, table.rows)
