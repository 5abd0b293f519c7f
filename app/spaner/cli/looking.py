"""Commands that look: check, verify."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.flags import (
    CONFIG,
    ConfigFlag,
    JsonFlag,
    ManifestFlag,
    QuietFlag,
    SpaceFlag,
    open_project,
)
from spaner.cli.output import notice, say, say_json, say_table

if TYPE_CHECKING:
    from spaner.check import CheckReport


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: spaner check")(check)
    app.command(epilog="Example: spaner verify --space runs/base")(verify)


def check(
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    manifest: ManifestFlag = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every input instead of its beginning.")
    ] = False,
    as_json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> None:
    """Check configuration, manifest and every input; say what would train."""
    project = open_project(config, space=space, manifest=manifest, quiet=quiet)
    from spaner_core.errors import DataError

    from spaner.check import check_project, describe_unusable

    report = check_project(project, deep=deep)
    if as_json:
        say_json(asdict(report))
    else:
        _say_check(report)
        if not deep:
            notice(
                ["of files only the beginnings were read; --deep reads all of them"], quiet=quiet
            )
    notice(report.notices, quiet=quiet)
    if report.too_many:
        raise DataError(describe_unusable(project, report))
    if report.unusable:
        notice([describe_unusable(project, report)], quiet=quiet)


def _say_check(report: CheckReport) -> None:
    trained = "trained" if report.space_exists else "not trained yet"
    say(f"{report.config}: {len(report.concepts)} concepts; space {report.space}, {trained}")
    say_table(
        ("modality", "rows", "unusable", "to train", "concepts", "tokens", "parameters"),
        [
            (m.name, m.rows, m.unusable, m.training_rows, m.concepts, m.tokens, m.parameters)
            for m in report.modalities
        ],
    )


def verify(
    config: ConfigFlag = CONFIG,
    space: SpaceFlag = None,
    receipt: Annotated[
        Path | None, typer.Option(help="Also compare with this copy of a receipt.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare every file of a space with its receipts and name what has changed."""
    from spaner_core.errors import SpaceError
    from spaner_core.receipts import hash_tree
    from spaner_core.receipts import verify as verify_space
    from spaner_core.replacing import check_is_space

    if space is None:
        from spaner_registry.config import read_config

        space = read_config(config).space
    check_is_space(space)
    problems = verify_space(space, kept=receipt)
    files = len(hash_tree(space))
    if as_json:
        say_json({"space": str(space), "files": files, "problems": problems})
        if problems:
            raise typer.Exit(2)
    elif problems:
        raise SpaceError("\n".join(problems))
    else:
        say(f"{space}: {files} files, every one as its receipts say")
