"""Measures how few labels are enough: `spaner few-shot`."""

from __future__ import annotations

from typing import Annotated

import typer
from spaner_core.errors import ConfigError

from spaner.arguments import check_shots
from spaner.cli.flags import SplitFlag
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say_tables
from spaner.splits import TEST_SPLIT

app = typer.Typer()


@app.command(epilog="Example: spaner few-shot --shots 1,4,16 --seeds 5")
@framed("config manifest seed device json quiet")
def few_shot(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all declared ones by default.")
    ] = None,
    shots: Annotated[
        str | None,
        typer.Option(
            help="Labelled rows a concept, with commas: 1,2,4,8,16 if left out. Where no row has "
            "a concept, pairs: 16,64,256,1024 if left out."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often each is drawn and trained.")] = 5,
    split: SplitFlag = TEST_SPLIT,
) -> Result:
    """Train on a few labelled rows a concept, again and again; say how close it comes to all.

    Pairs, rows of one item, stay pairs without their labels.
    """
    counts = None if shots is None else read_shots(shots)
    report = call.open(names or ()).few_shot(*names or (), shots=counts, seeds=seeds, split=split)
    from spaner.experiments.few_shot import few_shot_tables

    return Result(report, lambda: say_tables(few_shot_tables(report)))


def read_shots(given: str) -> tuple[int, ...]:
    """Read numbers of labelled rows, as `1,2,4`. Raises `ConfigError` where they are none."""
    try:
        shots = tuple(int(part) for part in given.split(","))
    except ValueError:
        raise ConfigError(
            f"shots are {given!r}; expected whole numbers with commas; give for example 1,2,4,8,16"
        ) from None
    check_shots(shots)
    return shots
