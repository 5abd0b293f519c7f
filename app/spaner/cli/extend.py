"""Extends the prompt: `spaner extend`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table
from spaner.cli.train import say_receipt

if TYPE_CHECKING:
    from spaner.training.extend import ExtensionReport

app = typer.Typer()


@app.command(epilog="Example: spaner extend 'tai chi' karate")
@framed("config space device json quiet")
def extend(
    call: Call,
    concepts: Annotated[list[str], typer.Argument(help="New concepts, one name each.")],
) -> Result:
    """Append anchors for new concepts to the prompt; change nothing that was there."""
    report = call.open().extend(*concepts)
    return Result(report, partial(_say_extension, report), deed=True)


def _say_extension(report: ExtensionReport) -> None:
    origin = "made from names" if report.anchors == "labels" else "random directions"
    say(f"{report.space}: anchors appended for {len(report.concepts)} concepts, {origin}")
    say_table(
        ("concept", "called"),
        [(concept, ", ".join(texts)) for concept, texts in report.label_texts.items()],
    )
    say_receipt(report.receipt)
