"""Compares a space with its receipts: `spaner verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say

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
    from spaner_core.files.replacing import check_is_space
    from spaner_core.space.receipts import hash_tree
    from spaner_core.space.receipts import verify as verify_space

    space = call.space
    if space is None:
        from spaner_registry.config.settings import read_config

        space = read_config(call.config).space
    check_is_space(space)
    problems = verify_space(space, kept=receipt)
    files = len(hash_tree(space))
    found = {"space": str(space), "files": files, "problems": problems}
    if not problems:
        return Result(found, lambda: say(f"{space}: {files} files, every one as its receipts say"))
    failure = typer.Exit(2) if call.json else SpaceError("\n".join(problems))
    return Result(found, lambda: None, failure=failure)
