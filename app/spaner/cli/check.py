"""Checks a project: `spaner check`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.progress import describe_seconds

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from spaner.check import CheckReport
    from spaner.labelling.doubts import DoubtedLabel, LabelReport

SHOWN_LABELS = 20

app = typer.Typer()


@app.command(epilog="Example: spaner check")
@framed("config space manifest deep json quiet")
def check(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all declared ones by default.")
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every input instead of its beginning.")
    ] = False,
    labels: Annotated[
        bool,
        typer.Option("--labels", help="List training rows whose label their features doubt."),
    ] = False,
) -> Result:
    """Check configuration, manifest and every input; say what would train."""
    project = call.open(names or ())
    from spaner_core.errors import DataError

    from spaner.check import check_project, describe_unusable

    report = check_project(project, names or (), deep=deep, labels=labels)
    if not (deep or call.json):
        project.say("of files only the beginnings were read; --deep reads all of them")
    failure = DataError(describe_unusable(project, report)) if report.too_many else None
    return Result(report, partial(_say_check, report), failure=failure)


def _say_check(report: CheckReport) -> None:
    trained = "trained" if report.space_exists else "not trained yet"
    say(f"{report.config}: {len(report.concepts)} concepts; space {report.space}, {trained}")
    say_table(
        ("modality", "rows", "unusable", "to train", "concepts", "tokens", "parameters"),
        [
            (m.name, m.rows, m.unusable, m.training_rows, m.concepts, m.tokens, m.parameters)
            for m in report.modalities
        ],
    )
    say(f"to train: {report.steps:,} steps, {describe_seconds(report.expected_s)} on one thread")
    if report.labels is not None:
        _say_labels(report.labels)


def _say_labels(report: LabelReport) -> None:
    say(
        f"{len(report.doubted):,} of {report.judged:,} labels that could be weighed are doubted, "
        "the most doubtful first; right ones are among them, so look at each"
    )
    for label in report.doubted[:SHOWN_LABELS]:
        say(f"{report.manifest}:{label.line}: {' '.join(label.input.split())}: {_reasons(label)}")
    if (more := len(report.doubted) - SHOWN_LABELS) > 0:
        say(f"... and {more} more; --json names all")


def _reasons(label: DoubtedLabel) -> str:
    """Say what the row itself, and other modalities of its item, are nearest to."""
    parts = [f"labelled {label.concept!r}"]
    for one in label.evidence:
        who = "it" if one.id == label.id else f"its {one.modality} {' '.join(one.input.split())}"
        parts.append(
            f"{who} is nearest to {one.nearest!r} ({one.nearest_cosine:.2f} against "
            f"{one.label_cosine:.2f})"
            if one.doubts
            else f"{who} agrees ({one.label_cosine:.2f} against {one.nearest_cosine:.2f})"
        )
    return "; ".join(parts)
