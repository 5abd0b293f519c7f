"""Tells the demonstration: `spaner demo`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from spaner.cli.frame import call

app = typer.Typer()


@app.command(epilog="Example: spaner demo")
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where everything is written.")] = Path("demo"),
) -> None:
    """See the whole story on embedded data: train, attach, verify, evaluate, search, map."""
    from spaner.cli.story import tell

    tell(folder, partial(call, context.find_root().command))
