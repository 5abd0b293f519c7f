"""The command line, a file a command group. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from spaner.cli import (
    asking,
    building,
    calibrating,
    looking,
    measuring,
    plugins,
    preview,
    prompting,
    propagating,
    tuning,
)

app = typer.Typer(
    name="spaner",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        from spaner import __version__

        typer.echo(f"spaner {__version__}")
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Say it.")
    ] = False,
) -> None:
    """Several kinds of data in one searchable space, on top of frozen encoders."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for group in (
    building,
    asking,
    calibrating,
    propagating,
    prompting,
    looking,
    preview,
    measuring,
    tuning,
    plugins,
):
    app.add_typer(group.app)

__all__ = ["app"]
