"""Commands that make something: demo, extract, train, attach, extend."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from spaner_core.profiling import profiled

from spaner.cli.flags import (
    CONFIG,
    ConfigFlag,
    Device,
    DeviceFlag,
    JsonFlag,
    ManifestFlag,
    OverwriteFlag,
    ProfileFlag,
    QuietFlag,
    SeedFlag,
    SpaceFlag,
    open_project,
    split_names,
)
from spaner.cli.output import notice, say, say_json, say_table

if TYPE_CHECKING:
    from spaner.extracting import ExtractedModality, ExtractionReport
    from spaner.training import TrainingReport


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: spaner demo")(demo)
    app.command(epilog="Example: spaner extract vision --prune")(extract)
    app.command(epilog="Example: spaner train text vision audio")(train)
    app.command(epilog="Example: spaner attach sensor")(attach)
    app.command(epilog="Example: spaner extend 'tai chi' karate")(extend)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where everything is written.")] = Path("demo"),
) -> None:
    """See the whole story on embedded data: train, attach, verify, evaluate, search, map."""
    from spaner.cli.running import invoke
    from spaner.demo.story import tell

    tell(folder, invoke)


def extract(
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
    config: ConfigFlag = CONFIG,
    manifest: ManifestFlag = None,
    device: DeviceFlag = Device.auto,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Extract features once and keep them; interrupted, the next call goes on from there."""
    renewed = split_names(again)
    asked = [*(names or ()), *renewed]
    project = open_project(config, manifest=manifest, device=device, quiet=quiet, names=asked)
    from spaner.extracting import extract as extract_features

    report = extract_features(project, names or (), again=renewed, prune=prune)
    notice(report.notices, quiet=quiet)
    if as_json:
        say_json(asdict(report))
    elif not quiet:
        _say_extraction(report)


def train(
    names: Annotated[
        list[str] | None, typer.Argument(help="Modalities; all declared ones by default.")
    ] = None,
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    manifest: ManifestFlag = None,
    seed: SeedFlag = None,
    device: DeviceFlag = Device.auto,
    overwrite: OverwriteFlag = False,
    profile: ProfileFlag = False,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Train a new space: the shared prompt with the named modalities."""
    project = open_project(
        config,
        space=space,
        manifest=manifest,
        seed=seed,
        device=device,
        quiet=quiet,
        names=names or (),
    )
    from spaner.training import train as train_space

    with profiled() as times:
        report = train_space(project, names or (), overwrite=overwrite)
    notice(report.notices, quiet=quiet)
    if as_json:
        say_json(asdict(report) | ({"profile_s": times.parts()} if profile else {}))
    elif not quiet:
        _say_report(report)
        if profile:
            _say_profile(times.parts())


def attach(
    name: Annotated[str, typer.Argument(help="The modality to add.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Train anew a modality that the space has.")
    ] = False,
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    manifest: ManifestFlag = None,
    seed: SeedFlag = None,
    device: DeviceFlag = Device.auto,
    profile: ProfileFlag = False,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Add a modality to a space: train its aligner alone, change nothing that was there."""
    project = open_project(
        config,
        space=space,
        manifest=manifest,
        seed=seed,
        device=device,
        quiet=quiet,
        names=[name],
    )
    from spaner.attaching import attach as attach_modality

    with profiled() as times:
        report = attach_modality(project, name, replace=replace)
    notice(report.notices, quiet=quiet)
    if as_json:
        say_json(asdict(report) | ({"profile_s": times.parts()} if profile else {}))
    elif not quiet:
        _say_report(report)
        _say_receipt(report.receipts[0])
        if profile:
            _say_profile(times.parts())


def extend(
    concepts: Annotated[list[str], typer.Argument(help="New concepts, one name each.")],
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    device: DeviceFlag = Device.auto,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Append anchors for new concepts to the prompt; change nothing that was there."""
    project = open_project(config, space=space, device=device, quiet=quiet)
    from spaner.extending import extend as extend_prompt

    report = extend_prompt(project, concepts)
    notice(report.notices, quiet=quiet)
    if as_json:
        say_json(asdict(report))
    elif not quiet:
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
