"""Compares a space with its receipts: `spaner verify`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say

if TYPE_CHECKING:
    from spaner.verify import Verification

app = typer.Typer()


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

    from spaner.verify import verify as verify_space

    space = call.space
    if space is None:
        from spaner_registry.config.settings import read_config

        space = read_config(call.config).space
    found = verify_space(space, receipt=receipt)
    failure = None
    if not found.intact:
        failure = typer.Exit(2) if call.json else SpaceError("\n".join(found.problems))
    return Result(asdict(found), partial(_say_verified, found), failure=failure)


def _say_verified(found: Verification) -> None:
    if found.intact:
        say(f"{found.space}: {found.files} files, every one as its receipts say")
