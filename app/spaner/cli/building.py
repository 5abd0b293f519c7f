"""Commands that make something: demo, extract, train, attach, extend."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.profiling import Profile, profiled

from spaner.cli.flags import split_names
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say, say_table

if TYPE_CHECKING:
    from spaner.extending import ExtensionReport
    from spaner.extracting import ExtractedModality, ExtractionReport
    from spaner.training import TrainingReport

app = typer.Typer()


@app.command(epilog="Example: spaner demo")
def demo(
    folder: Annotated[Path, typer.Argument(help="Where everything is written.")] = Path("demo"),
) -> None:
    """See the whole story on embedded data: train, attach, verify, evaluate, search, map."""
    from spaner.cli.running import invoke
    from spaner.demo.story import tell

    tell(folder, invoke)


@app.command(epilog="Example: spaner extract vision --prune")
@framed("config manifest device json quiet")
def extract(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all declared ones by default.")
    ] = None,
    again: Annotated[
        list[str] | None,
        typer.Option("--again", help="Extract these anew, with commas: their encoder changed."),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove features that no manifest uses.")
    ] = False,
) -> Result:
    """Extract features once and keep them; interrupted, the next call goes on from there."""
    renewed = split_names(again)
    project = call.open([*(names or ()), *renewed])
    from spaner.extracting import extract as extract_features

    report = extract_features(project, names or (), again=renewed, prune=prune)
    return Result(report, partial(_say_extraction, report), deed=True)


@app.command(epilog="Example: spaner train text vision audio")
@framed("config space manifest seed device overwrite profile json quiet")
def train(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all declared ones by default.")
    ] = None,
) -> Result:
    """Train a new space: the shared prompt with the named modalities."""
    project = call.open(names or ())
    from spaner.training import train as train_space

    with profiled() as times:
        report = train_space(project, names or (), overwrite=call.overwrite)
    return _trained(call, report, times)


@app.command(epilog="Example: spaner attach sensor")
@framed("config space manifest seed device profile json quiet")
def attach(
    call: Call,
    name: Annotated[str, typer.Argument(help="The modality to add.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Train anew a modality that the space has.")
    ] = False,
) -> Result:
    """Add a modality to a space: train its aligner alone, change nothing that was there."""
    project = call.open([name])
    from spaner.attaching import attach as attach_modality

    with profiled() as times:
        report = attach_modality(project, name, replace=replace)
    return _trained(call, report, times, receipt=report.receipts[0])


@app.command(epilog="Example: spaner extend 'tai chi' karate")
@framed("config space device json quiet")
def extend(
    call: Call,
    concepts: Annotated[list[str], typer.Argument(help="New concepts, one name each.")],
) -> Result:
    """Append anchors for new concepts to the prompt; change nothing that was there."""
    project = call.open()
    from spaner.extending import extend as extend_prompt

    report = extend_prompt(project, concepts)
    return Result(report, partial(_say_extension, report), deed=True)


def _trained(
    call: Call, report: TrainingReport, times: Profile, *, receipt: Path | None = None
) -> Result:
    parts = times.parts() if call.profile else {}

    def show() -> None:
        _say_report(report)
        if receipt is not None:
            _say_receipt(receipt)
        if parts:
            _say_profile(parts)

    return Result(report, show, more={"profile_s": parts} if parts else {}, deed=True)


def _say_extension(report: ExtensionReport) -> None:
    origin = "made from names" if report.anchors == "labels" else "random directions"
    say(f"{report.space}: anchors appended for {len(report.concepts)} concepts, {origin}")
    say_table(
        ("concept", "called"),
        [(concept, ", ".join(texts)) for concept, texts in report.label_texts.items()],
    )
    _say_receipt(report.receipt)


def _say_extraction(report: ExtractionReport) -> None:
    say(f"{report.store}: features, kept as {report.dtype}")
    say_table(
        ("modality", "rows", "extracted", "reused", "quarantined", "seconds", "rows/s"),
        [
            (m.name, m.rows, m.extracted, m.reused, m.quarantined, f"{m.seconds:.2f}", _rate(m))
            for m in report.modalities
        ],
    )
    if report.pruned is not None:
        freed = report.pruned.bytes / 2**20
        say(f"pruned: {report.pruned.rows} rows that no manifest uses, {freed:.1f} MiB")


def _rate(modality: ExtractedModality) -> str:
    extracts = modality.extracted and modality.seconds
    return f"{modality.extracted / modality.seconds:.0f}" if extracts else "-"


def _say_profile(parts: dict[str, float]) -> None:
    total_s = sum(parts.values())
    say_table(
        ("where the time went", "seconds", "share"),
        [(name, f"{seconds:.2f}", f"{seconds / total_s:.0%}") for name, seconds in parts.items()],
    )


def _say_report(report: TrainingReport) -> None:
    labels = (
        f"rows of {report.concepts} concepts; anchors: {report.anchors}"
        if report.concepts
        else "items alone; no anchors"
    )
    say(f"{report.space}: trained on {labels}")
    say_table(
        ("modality", "training rows", "trained parameters"),
        [(name, rows, report.trained_parameters[name]) for name, rows in report.rows.items()],
    )


def _say_receipt(path: Path) -> None:
    from spaner_core.receipts import read_receipt

    receipt = read_receipt(path)
    before, unchanged = receipt["others_before"], receipt["others_unchanged"]
    verdict = "each has the SHA-256 it had before" if unchanged else "SOME CHANGED"
    say(f"{len(before)} files were in the space: {verdict}. Receipt: {path}")
