"""What commands say: JSON or tables on standard output, notices on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text


def say_json(value: object) -> None:
    """Write one JSON value to standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def say(message: str) -> None:
    """Write a line to standard output."""
    typer.echo(plain(message))


def notice(messages: Iterable[str], *, quiet: bool = False) -> None:
    """Write what the user should know to standard error."""
    if not quiet:
        for message in messages:
            typer.echo(f"note: {plain(message)}", err=True)


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to standard output; columns of numbers stand to the right.

    Cells are plain text: what stands in users' data is never read as markup.
    """
    filled = [[_cell(value) for value in row] for row in rows]
    table = Table()
    for place, column in enumerate(columns):
        numeric = bool(filled) and all(_is_number(row[place]) for row in filled)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in filled:
        table.add_row(*(Text(cell) for cell in row))
    Console(soft_wrap=False).print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    return plain(str(value))


def plain(words: str) -> str:
    """Return words without what would steer a terminal: some of them come from other people."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in words)


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").replace(".", "").replace("-", "").isdigit()
