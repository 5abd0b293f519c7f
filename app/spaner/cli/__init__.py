"""Joins the commands, a file each, to one program."""

from __future__ import annotations

from typing import Annotated

import typer

from spaner.cli import (
    attach,
    calibrate,
    check,
    demo,
    evaluate,
    extend,
    extract,
    few_shot,
    plugins,
    preview,
    prompt,
    propagate,
    robustness,
    search,
    train,
    tune,
    verify,
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


for command in (
    demo,
    extract,
    train,
    attach,
    extend,
    evaluate,
    search,
    calibrate,
    propagate,
    prompt,
    check,
    verify,
    preview,
    few_shot,
    robustness,
    tune,
    plugins,
):
    app.add_typer(command.app)

__all__ = ["app"]
