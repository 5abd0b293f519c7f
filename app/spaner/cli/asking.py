"""Commands that ask a space: evaluate, search."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.figures import say_figures
from spaner.cli.flags import (
    CONFIG,
    ConfigFlag,
    Device,
    DeviceFlag,
    JsonFlag,
    ManifestFlag,
    OverwriteFlag,
    QuietFlag,
    SpaceFlag,
    StrengthFlag,
    as_name,
    open_project,
    split_names,
)
from spaner.cli.output import notice, say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spaner.calibration import Calibration
    from spaner.search.exact import Hit


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: spaner evaluate text vision --split test --json")(evaluate)
    app.command(epilog="Example: spaner search photo.png --from vision --to text,audio -k 5")(
        search
    )


def evaluate(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Modalities, two or more; all that work here by default."),
    ] = None,
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    manifest: ManifestFlag = None,
    split: Annotated[
        str | None,
        typer.Option(
            callback=as_name, help="Which rows: test, or all where the manifest has no splits."
        ),
    ] = None,
    strength: StrengthFlag = None,
    device: DeviceFlag = Device.auto,
    picture: Annotated[
        Path | None, typer.Option("--map", help="Also draw a map of the space to this PNG.")
    ] = None,
    overwrite: OverwriteFlag = False,
    details: Annotated[
        bool, typer.Option("--details", help="Also say hubs and alignment.")
    ] = False,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Measure retrieval for every ordered pair of modalities, and how coherent the space is.

    A modality that is not declared, or whose plugin is absent or broken, is left out with a note,
    unless it is named.
    """
    from spaner.refusals import check_several, check_suffix

    asked = tuple(names or ())
    check_several(asked)
    check_suffix(picture, flag="--map", suffix=".png")
    project = open_project(
        config, space=space, manifest=manifest, device=device, quiet=quiet, names=asked
    )
    from spaner.evaluate import embed_split, measure
    from spaner.notices import untrained_notices
    from spaner.overlaps import measuring_notices
    from spaner.served import served_modalities
    from spaner.splits import measured_split

    if picture is not None:
        from spaner.map import check_map

        check_map(project, picture, overwrite=overwrite)
    embedded = embed_split(project, split, names=asked, strength=strength)
    measured = measured_split(project.manifest, split)
    served = served_modalities(project, asked)
    notice(measuring_notices(project, served, measured), quiet=quiet)
    notice(untrained_notices(project, embedded), quiet=quiet)
    notice(project.notices(), quiet=quiet)
    figures = measure(project, embedded)
    if picture is not None:
        from spaner.map import draw_map

        notice([f"map written to {draw_map(embedded, picture)}"], quiet=quiet)
    if as_json:
        say_json(figures)
    else:
        rows = f"split {measured}" if measured else "all rows"
        by_item = not any(row.concept for part in embedded.values() for row in part.rows)
        say_figures(figures, list(embedded), rows=rows, by_item=by_item, details=details)


def search(
    query: Annotated[str, typer.Argument(help="A path, or a text.")],
    source: Annotated[str, typer.Option("--from", help="The query's modality.")],
    to: Annotated[str, typer.Option("--to", help="Modalities to find, with commas.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many to find.")] = 10,
    each: Annotated[
        bool, typer.Option("--each", help="Find -k of each modality, in a list of its own.")
    ] = False,
    split: Annotated[str | None, typer.Option(callback=as_name, help="Only these rows.")] = None,
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    manifest: ManifestFlag = None,
    strength: StrengthFlag = None,
    device: DeviceFlag = Device.auto,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Find rows of other modalities by a photo, a text, a sound or a series.

    Hits of several modalities are one list by probability where the space is calibrated. Elsewhere
    they take turns, the best of each modality first, since their scores do not compare.
    """
    from spaner.refusals import check_targets

    targets = check_targets(split_names([to]))
    project = open_project(
        config,
        space=space,
        manifest=manifest,
        device=device,
        quiet=quiet,
        names=[source, *targets],
        links=(source, targets),
    )
    from spaner.calibration import usable_calibration
    from spaner.search.exact import search as search_rows
    from spaner.search.ranking import turn_notices

    calibration, notices = usable_calibration(
        project, source=source, targets=targets, strength=strength
    )
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
        notices += turn_notices(calibration, source=source, targets=targets)
    notice([*notices, *project.notices()], quiet=quiet)
    if as_json:
        say_json([asdict(hit) for hit in hits])
    else:
        _say_hits(hits, calibration)


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
