"""The command line, a file a command group. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import typer

from spaner.cli import asking, building, looking

app = typer.Typer(
    name="spaner",
    help="Several kinds of data in one searchable space, on top of frozen encoders.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
building.register(app)
asking.register(app)
looking.register(app)

__all__ = ["app"]
