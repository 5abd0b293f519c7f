"""Shows an input: `spaner preview`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.arguments import check_suffix
from spaner.cli.flags import as_name
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import say

if TYPE_CHECKING:
    from spaner.preview import ShownInput

app = typer.Typer()


@app.command(epilog="Example: spaner preview recording.flac --output recording.html")
@framed("config device output overwrite json quiet")
def preview(
    call: Call,
    given: Annotated[str, typer.Argument(metavar="INPUT", help="A path, or a text.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", callback=as_name, help="The input's modality; plugins say it by default."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write one HTML page to this file.")
    ] = None,
) -> Result:
    """Preview an input: a text, a picture, or a page with both."""
    check_suffix(output, flag="--output", suffix=".html")
    project = call.open([] if source is None else [source])
    shown = project.preview(given, modality=source, output=output, overwrite=call.overwrite)
    picture = None if output is not None else shown.write_picture()
    found = {
        "input": given,
        "modality": shown.modality,
        "text": shown.preview.text,
        "picture": None if picture is None else str(picture),
        "page": None if output is None else str(output),
    }
    return Result(found, lambda: _say_shown(shown, picture, page=output))


def _say_shown(shown: ShownInput, picture: Path | None, *, page: Path | None) -> None:
    say(f"{shown.name}, read as {shown.modality}")
    if page is not None:
        say(f"page written to {page}")
        return
    if shown.preview.text is not None:
        say(shown.preview.text)
    if picture is not None:
        say(f"picture written to {picture}")
