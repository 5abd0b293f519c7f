"""Commands that look: check, verify."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from spaner.check import CheckReport

app = typer.Typer()


@app.command(epilog="Example: spaner check")
@framed("config space manifest deep json quiet")
def check(
    call: Call,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every input instead of its beginning.")
    ] = False,
) -> Result:
    """Check configuration, manifest and every input; say what would train."""
    project = call.open()
    from spaner_core.errors import DataError

    from spaner.check import check_project, describe_unusable

    report = check_project(project, deep=deep)
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


@app.command(epilog="Example: spaner verify --space runs/base")
@framed("config space receipt json")
def verify(
    call: Call,
    receipt: Annotated[
        Path | None, typer.Option(help="Also compare with this copy of a receipt.")
    ] = None,
) -> Result:
    """Compare every file of a space with its receipts and name what has changed."""
    from spaner_core.errors import SpaceError
    from spaner_core.receipts import hash_tree
    from spaner_core.receipts import verify as verify_space
    from spaner_core.replacing import check_is_space

    space = call.space
    if space is None:
        from spaner_registry.config import read_config

        space = read_config(call.config).space
    check_is_space(space)
    problems = verify_space(space, kept=receipt)
    files = len(hash_tree(space))
    found = {"space": str(space), "files": files, "problems": problems}
    if not problems:
        return Result(found, lambda: say(f"{space}: {files} files, every one as its receipts say"))
    failure = typer.Exit(2) if call.json else SpaceError("\n".join(problems))
    return Result(found, lambda: None, failure=failure)
