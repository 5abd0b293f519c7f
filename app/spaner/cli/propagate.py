"""Carries labels: `spaner propagate`."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.arguments import check_suffix
from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table
from spaner.labelling.request import Propagation
from spaner.result_tables import figure_cell

if TYPE_CHECKING:
    from spaner_core.evaluation.held_back import ExpectedAccuracy, HeldBack

    from spaner.labelling.carried_labels import PropagationReport


FromFlag = Annotated[str, typer.Option("--from", help="The modality that gives its concepts.")]
ToFlag = Annotated[str, typer.Option("--to", help="The modality whose rows get them.")]
OutputFlag = Annotated[Path | None, typer.Option(help="Write them to this CSV, a line a sample.")]
SplitFlag = Annotated[
    str | None,
    typer.Option(callback=as_name, help="Only rows of --to in this split; all by default."),
]
CheckFlag = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Label rows with a concept too, as if they had none; of train only by --split train.",
    ),
]
MinConfidenceFlag = Annotated[
    float | None, typer.Option(help="Leave out labels less sure than this; 0.8 by default.")
]
TargetAccuracyFlag = Annotated[
    float | None, typer.Option(help="Choose that on split validation to reach this accuracy.")
]
CountFlag = Annotated[int, typer.Option("-k", min=1, help="How many of each concept vote.")]

app = typer.Typer()


@app.command(epilog="Example: spaner propagate --from text --to vision --output carried.csv")
@framed("config space manifest strength device overwrite json quiet")
def propagate(
    call: Call,
    source: FromFlag,
    target: ToFlag,
    output: OutputFlag = None,
    split: SplitFlag = None,
    check: CheckFlag = False,
    min_confidence: MinConfidenceFlag = None,
    target_accuracy: TargetAccuracyFlag = None,
    k: CountFlag = 10,
) -> Result:
    """Carry concepts from one modality's labelled rows to another's unlabelled ones.

    Rows of split train, and rows without a split, give theirs. Labels of other splits are held back
    to measure what the carried ones are worth.
    """
    asked = Propagation(
        source=source,
        target=target,
        split=split,
        check=check,
        min_confidence=min_confidence,
        target_accuracy=target_accuracy,
        k=k,
        strength=call.strength,
    )
    check_suffix(output, flag="--output", suffix=".csv")
    project = call.open(links=[(target, [source])], purpose="propagate")
    report = project.propagate(asked, output=output, overwrite=call.overwrite)
    return Result(report, partial(_say_labels, report), more={"output": output})


def _say_labels(report: PropagationReport) -> None:
    given = Counter(label.concept for label in report.labels if label.concept is not None)
    reasons = Counter(label.reason for label in report.labels)
    unfamiliar = reasons["unfamiliar"]
    say(
        f"{sum(given.values())} of {len(report.labels)} samples of {report.target!r} got a concept "
        f"from {report.givers} labelled ones of {report.source!r}; the rest were below confidence "
        f"{report.min_confidence:g}" + (f" or unfamiliar ({unfamiliar})" if unfamiliar else "")
    )
    if reasons["item"]:
        say(f"{reasons['item']} of these concepts are those of the samples' own items")
    say_table(("concept", "samples"), given.most_common())
    if report.expected is not None:
        _say_expected(report.expected)
    if report.measured is not None:
        _say_measured(report.measured, ", ".join(report.measured_on))


def _say_expected(expected: ExpectedAccuracy) -> None:
    say(
        f"Expected accuracy of the labels by votes: {figure_cell(expected.accuracy)}, 95% interval "
        f"{expected.low:.3f} to {expected.high:.3f} ({expected.kept} labels of {expected.rows} "
        "validation samples)"
    )


def _say_measured(measured: HeldBack, splits: str) -> None:
    say(
        f"Held-back labels of {measured.rows} samples (split {splits}): {measured.kept} were "
        f"labelled, coverage {measured.coverage:.3f}; accuracy of those "
        f"{figure_cell(measured.accuracy)}"
    )
    say_table(
        ("confidence", "samples", "accuracy"),
        [
            (f"{part.low:.1f} to {part.high:.1f}", part.rows, part.accuracy)
            for part in measured.bins
            if part.rows
        ],
    )
