"""Writes JSON or tables to standard output, notices to standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence

import typer
from rich.console import Console, JustifyMethod
from rich.table import Table as TerminalTable
from rich.text import Text

from spaner.cli.streams import escaped, plain
from spaner.result_tables import NOTHING, Table, figure_cell


def say_json(value: object) -> None:
    """Write one JSON value to standard output, in ASCII where that is not UTF-8."""
    escape = not sys.stdout.encoding.lower().startswith("utf")
    text = json.dumps(value, indent=2, ensure_ascii=escape, default=str)
    typer.echo(escaped(text), file=sys.stdout)


def say(message: str) -> None:
    """Write a line to standard output."""
    typer.echo(plain(message), file=sys.stdout)


def notice(messages: Iterable[str], *, quiet: bool = False) -> None:
    """Write what the user should know to standard error."""
    if not quiet:
        for message in messages:
            tell(f"note: {message}")


def tell(message: str) -> None:
    """Write a note or an error to standard error.

    Further lines of it are indented, so that none of them can pass for a message of its own.
    """
    lines = plain(message).split("\n")
    further = (f"  {line.removeprefix('  ')}" for line in lines[1:])
    typer.echo("\n".join([lines[0], *further]), file=sys.stderr)


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to standard output; columns of numbers stand to the right.

    Headers and cells are plain text: what stands in users' data is never read as markup.
    """
    filled = [[_cell(value) for value in row] for row in rows]
    table = TerminalTable()
    for place, column in enumerate(columns):
        numeric = bool(filled) and all(_is_number(row[place]) for row in filled)
        justify: JustifyMethod = "right" if numeric else "left"
        table.add_column(Text(plain(column)), justify=justify, overflow="fold")
    for row in filled:
        table.add_row(*(Text(cell) for cell in row))
    Console(soft_wrap=False).print(table)


def say_tables(tables: Iterable[Table]) -> None:
    """Write tables to standard output, each below its title."""
    for table in tables:
        say(table.title)
        say_table(table.columns, table.rows)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, float):
        return figure_cell(value)
    if isinstance(value, int):
        return f"{value:,}"
    return plain(str(value))


def _is_number(cell: str) -> bool:
    return cell == NOTHING or re.fullmatch(r"[-+]?[\d,]*\.?\d+", cell) is not None
