"""Joins the commands, a file each, to one program."""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

NAMES = (
    *("demo", "extract", "train", "attach", "extend", "evaluate", "index", "search", "calibrate"),
    *("monitor", "propagate", "export", "prompt", "check", "verify", "audit", "forget"),
    "preview",
    *("few-shot", "robustness", "tune", "report", "serve", "plugins"),
)
"""The commands in the order of `spaner --help`; each is the `app` of a module called like it."""

MARKUP: Final = "rich"


class _Commands(UserDict[str, Any]):
    """Commands by name, each imported and built when first asked for: mostly one is."""

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            alone = typer.Typer(rich_markup_mode=MARKUP)
            alone.add_typer(import_module(f"{__name__}.{name.replace('-', '_')}").app)
            self.data[name] = get_group(alone).commands[name]
        return self.data[name]


class _Program(TyperGroup):
    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Commands(dict.fromkeys(NAMES))


app = typer.Typer(
    name="spaner",
    cls=_Program,
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=MARKUP,
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


__all__ = ["app"]
