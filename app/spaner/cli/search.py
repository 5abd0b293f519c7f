"""Searches a space: `spaner search`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.errors import ConfigError
from spaner_core.space.records import Same

from spaner.cli.flags import as_name, split_names
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spaner.search.explanation import Explanation
    from spaner.search.hits import Hit, Hits

app = typer.Typer()

EXPLAINED = 3
"""Hits that --why explains, the first ones."""

QueryArgument = Annotated[
    list[str] | None, typer.Argument(help="A path, or a text; several are one query.")
]
FromFlag = Annotated[
    list[str] | None,
    typer.Option("--from", help="The query's modality; of several queries one each, or one."),
]
WithoutFlag = Annotated[
    list[str] | None, typer.Option("--not", help="What hits should be unlike; may be repeated.")
]
WeightFlag = Annotated[
    list[str] | None, typer.Option("--weight", help="How much each query counts, with commas.")
]
LikeFlag = Annotated[
    list[str] | None, typer.Option("--like", metavar="ID", help="More like this row.")
]
SameFlag = Annotated[
    Same | None,
    typer.Option("--same", help="Look for the very same thing, or the same kind of thing."),
]
WhereFlag = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="'COLUMN OP VALUE'", help="Only rows that meet this."),
]
WhyFlag = Annotated[
    bool,
    typer.Option(
        "--why",
        help=f"Say of the first {EXPLAINED} hits why; encodes up to 64 copies of each side.",
    ),
]


@app.command(epilog="Example: spaner search photo.png --from vision --to text,audio -k 5")
@framed("config space manifest strength device json quiet")
def search(
    call: Call,
    to: Annotated[list[str], typer.Option("--to", help="Modalities to find, with commas.")],
    query: QueryArgument = None,
    source: FromFlag = None,
    without: WithoutFlag = None,
    weight: WeightFlag = None,
    like: LikeFlag = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many to find.")] = 10,
    each: Annotated[
        bool, typer.Option("--each", help="Find -k of each modality, in a list of its own.")
    ] = False,
    same: SameFlag = None,
    split: Annotated[str | None, typer.Option(callback=as_name, help="Only these rows.")] = None,
    where: WhereFlag = None,
    why: WhyFlag = False,
) -> Result:
    """Find rows of other modalities by a photo, a text, a sound or a series.

    It looks for the same kind of thing where the space was trained on concepts, else for the very
    same thing; --same says which, --strength sets the pull between both by hand.

    Hits of several modalities are one list by probability where the space is calibrated. Elsewhere
    they take turns, the best of each modality first, since their scores do not compare.

    A text that is a row's id or file name brings that row first. --where compares a column of the
    manifest by = != < <= > >=, as numbers or dates where all of its cells are.
    """
    from spaner.arguments import one_strength
    from spaner.search.query_parts import (
        check_asked,
        check_explained,
        read_condition,
        read_parts,
    )

    strength, targets, sources = (
        one_strength(call.strength, same),
        split_names(to),
        split_names(source),
    )
    weights = _numbers(weight)
    check_asked(query or (), like or ())  # before anything heavy is imported
    parts = read_parts(query or (), sources, without=without or (), weights=weights)
    for given in where or ():
        read_condition(given)
    if why:
        check_explained(parts, like or ())
    project = call.open(links=[(part.source, targets) for part in parts])
    hits = project.search(
        query or [],
        source=sources,
        targets=targets,
        without=without or [],
        weights=weights,
        like=like or (),
        k=k,
        split=split,
        where=where or (),
        strength=strength,
        each=each,
    )
    reasons = [
        project.explain(query or [], hit, source=sources, like=like or (), strength=strength)
        for hit in hits[: EXPLAINED if why else 0]
    ]
    found = hits.as_dicts()
    for hit, reason in zip(found, reasons, strict=False):
        hit["why"] = asdict(reason)
    return Result(found, partial(_say_hits, hits, reasons))


def _numbers(given: Sequence[str] | None) -> list[float]:
    try:
        return [float(number) for number in split_names(given)]
    except ValueError:
        raise ConfigError(
            f"--weight {','.join(given or ())}: expected numbers with commas, such as 1,0.5"
        ) from None


def _say_hits(hits: Hits, reasons: Sequence[Explanation]) -> None:
    rate = hits.false_accept_rate
    if hits.verdict and hits.unfamiliar:
        say(
            "unfamiliar: the query is unlike all that the calibration knows "
            f"(p={hits.verdict.familiarity:.3f}),\nso no hit has a probability; the nearest are:"
        )
    elif hits.no_match and hits.verdict and hits.verdict.unknown_kind:
        say(
            "no match: the query is not told from queries of unknown kinds "
            f"(false-accept rate {rate:g}); the nearest are:"
        )
    elif hits.no_match:
        say(
            "no match: no hit stands out from wrong ones "
            f"(false-accept rate {rate:g}); the nearest are:"
        )
    columns = ["rank", "score", "modality", "concept", "input"]
    if rate is not None and not hits.unfamiliar:
        columns.insert(2, "probability")
    if any(hit.exact for hit in hits):
        columns.insert(1, "exact")
    say_table(columns, [[_cell(hit, column) for column in columns] for hit in hits])
    for reason in reasons:
        for line in reason.lines():
            say(line)
    for caveat in {reason.caveat for reason in reasons}:
        say(caveat)


def _cell(hit: Hit, column: str) -> object:
    value = getattr(hit, column)
    return ("exact" if value else "") if column == "exact" else value
