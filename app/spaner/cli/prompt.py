"""Shows the prompt: `spaner prompt`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.arguments import check_sample
from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from spaner.evaluation.attention import SampleAttention
    from spaner.evaluation.prompt import Anchor, PromptReport


SampleFlag = Annotated[
    str | None, typer.Option(help="Look at one input instead of a split: a path, or a text.")
]
FromFlag = Annotated[str | None, typer.Option("--from", help="The modality of --sample.")]
CountFlag = Annotated[int, typer.Option("-k", min=1, help="How many anchors of --sample to show.")]
SplitFlag = Annotated[
    str | None,
    typer.Option(
        callback=as_name, help="Which rows: test, or all where the manifest has no splits."
    ),
]


NO_ANCHORS = "The shared prompt has no anchors: the space was trained on items alone"

app = typer.Typer()


@app.command(epilog="Example: spaner prompt --sample photo.png --from vision")
@framed("config space manifest device json quiet")
def prompt(
    call: Call,
    sample: SampleFlag = None,
    source: FromFlag = None,
    k: CountFlag = 5,
    split: SplitFlag = None,
) -> Result:
    """Show the anchors of the shared prompt, and which rows attend to them."""
    check_sample(sample, source, split)
    project = call.open([] if source is None else [source])
    if sample is None or source is None:
        report = project.prompt(split)
        return Result(asdict(report) | {"sample": None}, partial(_say_prompt, report))
    from spaner.evaluation.prompt import describe_prompt

    look = project.attention(sample, modality=source, k=k)
    described = asdict(describe_prompt(project)) | {"sample": asdict(look)}
    return Result(described, partial(_say_sample, look, k=k))


def _say_prompt(report: PromptReport) -> None:
    _say_anchors(report)
    if report.modalities:
        _say_attention(report)


def _say_anchors(report: PromptReport) -> None:
    if not report.anchors:
        say(NO_ANCHORS)
        return
    origin = "made from these texts" if report.made_from == "labels" else "random"
    say(
        f"The shared prompt: {len(report.anchors)} anchors, {origin}; read-out sharpness "
        f"{report.read_out_sharpness:.1f}"
    )
    say_table(
        ("anchor", "block", "nearest", "cosine", "texts"),
        [
            (a.concept, a.block, a.nearest, a.cosine, ", ".join(dict.fromkeys(a.texts)))
            for a in report.anchors
        ],
    )


def _say_attention(report: PromptReport) -> None:
    rows = "all rows" if report.split is None else f"rows of split {report.split}"
    say(f"Mean weight that {rows} give the anchor of their own concept, and who strays to it most")
    say_table(
        ("anchor", *report.modalities, "others' rows"),
        [
            (a.concept, *(_own(a, name) for name in report.modalities), _strays(a))
            for a in report.anchors
        ],
    )
    say("Rows that attend most to the anchor of their own concept")
    say_table(
        ("modality", "rows", "share", "anchors read"),
        [(name, m.rows, m.own_first, m.anchors) for name, m in report.modalities.items()],
    )


def _own(anchor: Anchor, name: str) -> float | None:
    return anchor.attended[name].own if name in anchor.attended else None


def _strays(anchor: Anchor) -> str | None:
    """Name the concept and modality whose rows give an anchor most that is not theirs."""
    strays = [
        (weight, concept, name)
        for name, attention in anchor.attended.items()
        for concept, weight in attention.strays.items()
    ]
    if not strays:
        return None
    weight, concept, name = max(strays)
    return f"{concept} ({name}) {weight:.3f}"


def _say_sample(look: SampleAttention, *, k: int) -> None:
    if not look.weights:
        say(NO_ANCHORS)
        return
    say(f"Weights of the anchors for {look.input!r}, read as {look.modality}")
    say_table(("anchor", "weight"), look.weights.items())
    if look.tokens is None:
        say(str(look.without_tokens))
        return
    table = look.tokens
    columns = table.leading(k)
    say(f"Weights of the anchors for each token, which is moved by {table.gate:.3f} of its length")
    say_table(
        ("token", *(table.anchors[column] for column in columns)),
        [
            (token, *(weights[column] for column in columns))
            for token, weights in zip(table.tokens, table.weights, strict=True)
        ],
    )
