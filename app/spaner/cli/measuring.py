"""Commands that train and measure many times: few-shot, robustness."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
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
    SeedFlag,
    SpaceFlag,
    as_name,
    open_project,
)
from spaner.cli.output import notice, say, say_json, say_table
from spaner.splits import TEST_SPLIT

if TYPE_CHECKING:
    from spaner.tables import Table

SplitFlag = Annotated[
    str, typer.Option("--split", callback=as_name, help="Which rows are measured.")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: spaner few-shot --shots 1,4,16 --seeds 5")(few_shot)
    app.command(epilog="Example: spaner robustness --output runs/robustness")(robustness)


def few_shot(
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all declared ones by default.")
    ] = None,
    shots: Annotated[
        str, typer.Option(help="Labelled rows a concept, with commas.")
    ] = "1,2,4,8,16",
    seeds: Annotated[int, typer.Option(min=1, help="How often each is drawn and trained.")] = 5,
    split: SplitFlag = TEST_SPLIT,
    config: ConfigFlag = CONFIG,
    manifest: ManifestFlag = None,
    seed: SeedFlag = None,
    device: DeviceFlag = Device.auto,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Train on a few labelled rows a concept, again and again; say how close it comes to all."""
    from spaner.refusals import read_shots

    counts = read_shots(shots)
    project = open_project(
        config, manifest=manifest, seed=seed, device=device, quiet=quiet, names=names or ()
    )
    from spaner.few_shot import few_shot as measure
    from spaner.few_shot import few_shot_table

    report = measure(project, names or (), shots=counts, seeds=seeds, split=split)
    notice(report.notices, quiet=quiet)
    if as_json:
        say_json(asdict(report))
    else:
        _say(few_shot_table(report))


def robustness(
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
    overwrite: OverwriteFlag = False,
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    manifest: ManifestFlag = None,
    seed: SeedFlag = None,
    device: DeviceFlag = Device.auto,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Measure what corrupted inputs and damaged training data cost in retrieval."""
    from spaner.refusals import check_measures_something

    check_measures_something(inputs=inputs, training=training)
    project = open_project(
        config, space=space, manifest=manifest, seed=seed, device=device, quiet=quiet
    )
    from spaner.outputs import check_output_folder
    from spaner.robustness.report import check_report_output, measure_robustness, write_report

    if output is not None:
        check_output_folder(project, output, flag="--output")
        check_report_output(output, overwrite=overwrite, curves=inputs)
    report = measure_robustness(project, inputs=inputs, training=training, seeds=seeds, split=split)
    notice(report.notices, quiet=quiet)
    if output is not None:
        write_report(report, output, overwrite=overwrite)
        notice([f"report written to {output}"], quiet=quiet)
    if as_json:
        say_json(asdict(report))
    else:
        for table in report.tables:
            _say(table)


def _say(table: Table) -> None:
    say(table.title)
    say_table(table.columns, table.rows)
