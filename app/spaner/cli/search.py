"""Searches a space: `spaner search`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.space.records import Same

from spaner.cli.flags import as_name, split_names
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spaner.search.calibration_file import Calibration
    from spaner.search.exact import Hit

app = typer.Typer()


@app.command(epilog="Example: spaner search photo.png --from vision --to text,audio -k 5")
@framed("config space manifest strength device json quiet")
def search(
    call: Call,
    query: Annotated[str, typer.Argument(help="A path, or a text.")],
    source: Annotated[str, typer.Option("--from", help="The query's modality.")],
    to: Annotated[str, typer.Option("--to", help="Modalities to find, with commas.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many to find.")] = 10,
    each: Annotated[
        bool, typer.Option("--each", help="Find -k of each modality, in a list of its own.")
    ] = False,
    same: Annotated[
        Same | None,
        typer.Option("--same", help="Look for the very same thing, or the same kind of thing."),
    ] = None,
    split: Annotated[str | None, typer.Option(callback=as_name, help="Only these rows.")] = None,
) -> Result:
    """Find rows of other modalities by a photo, a text, a sound or a series.

    It looks for the same kind of thing where the space was trained on concepts, else for the very
    same thing; --same says which, --strength sets the pull between both by hand.

    Hits of several modalities are one list by probability where the space is calibrated. Elsewhere
    they take turns, the best of each modality first, since their scores do not compare.
    """
    from spaner.arguments import one_strength

    strength = one_strength(call.strength, same)
    targets = split_names([to])
    project = call.open(links=(source, targets))
    from spaner.search.calibration_file import usable_calibration
    from spaner.search.exact import search as search_rows
    from spaner.search.hit_order import turn_notices

    calibration, notices = usable_calibration(
        project, source=source, targets=targets, strength=strength
    )
    project.say(*notices)
    hits = search_rows(
        project,
        query,
        source=source,
        targets=targets,
        k=k,
        split=split,
        strength=strength,
        calibration=calibration,
        each=each,
    )
    if not each:
        project.say(*turn_notices(calibration, source=source, targets=targets))
    return Result([asdict(hit) for hit in hits], partial(_say_hits, hits, calibration))


def _say_hits(hits: Sequence[Hit], calibration: Calibration | None) -> None:
    from spaner.search.exact import no_match

    if calibration is not None and no_match(hits):
        say(
            "no match: no hit reaches its threshold (false-accept rate "
            f"{calibration.false_accept_rate:g}); the nearest are:"
        )
    columns = ["rank", "score", "modality", "concept", "input"]
    if calibration is not None:
        columns.insert(2, "probability")
    say_table(columns, [[getattr(hit, column) for column in columns] for hit in hits])
