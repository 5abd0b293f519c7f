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
    from spaner.preview import show_input, write_page, write_picture

    if output is not None:
        from spaner.output_paths import check_output_file

        check_output_file(project, output, flag="--output", overwrite=call.overwrite)
    shown = show_input(project, given, modality=source)
    if output is not None:
        write_page(shown, output)
    picture = None if output is not None else write_picture(shown)
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
