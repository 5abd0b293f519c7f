"""Checks a project: `spaner check`."""

from __future__ import annotations

from functools import partial
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.progress import describe_seconds

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from spaner.check import CheckReport
    from spaner.labelling.doubts import DoubtedLabel, Evidence, LabelReport

SHOWN_LABELS, SHOWN_EVIDENCE, SHOWN_LETTERS = 20, 3, 100

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

    from spaner.check import describe_unusable

    report = project.check(*names or (), deep=deep, labels=labels)
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
    if report.trial is None:
        say("no label could be weighed: that takes concepts of at least 4 labelled rows")
        return
    listed = (
        f"{len(report.doubted):,} of {report.judged:,} labels that could be weighed are probably "
        f"wrong, the surest first; look at each"
        if report.doubted
        else f"none of {report.judged:,} labels that could be weighed is probably wrong"
    )
    say(f"{listed}. In all, about {report.wrong_share:.1%} seem wrong")
    say(
        f"measured on wrong labels planted here: of {report.trial.changed:,} labels changed at "
        f"random, {report.trial.found:,} were listed, beside {report.trial.mistaken:,} others; "
        "mistakes that people make are harder to find"
    )
    for label in report.doubted[:SHOWN_LABELS]:
        say(
            f"{report.manifest}:{label.line}: {_in_one_line(label.input)}: labelled "
            f"{label.concept!r}, wrong with probability {label.p_wrong:.2f}; rather "
            f"{label.suggested!r}"
        )
        for one in sorted(label.evidence, key=lambda one: -abs(one.log_odds))[:SHOWN_EVIDENCE]:
            say(f"  {_evidence(one, label)}")
    if (more := len(report.doubted) - SHOWN_LABELS) > 0:
        say(f"... and {more} more; --json names all, with all evidence")


def _evidence(one: Evidence, label: DoubtedLabel) -> str:
    """Say what the row itself, or one of its item, is nearest to."""
    who = "it" if one.id == label.id else f"its {one.modality} {_in_one_line(one.input)}"
    if one.nearest_cosine > one.label_cosine:
        return (
            f"{who} is nearest to {one.nearest!r} (cosine {one.nearest_cosine:.2f}; with the "
            f"label's rows {one.label_cosine:.2f})"
        )
    return (
        f"{who} is nearest to the label's rows (cosine {one.label_cosine:.2f}; with those of "
        f"{one.nearest!r} {one.nearest_cosine:.2f})"
    )


def _in_one_line(text: str) -> str:
    return shorten(text, SHOWN_LETTERS, placeholder=" ...")
