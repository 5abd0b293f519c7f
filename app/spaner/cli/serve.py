"""Serves a space: `spaner serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from spaner_core.extras import need

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import notice, tell

app = typer.Typer()


@app.command(epilog="Example: spaner serve --port 8000")
@framed("config space manifest device quiet")
def serve(
    call: Call,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Where; 0 takes any that is free.")
    ] = 8000,
    host: Annotated[
        str, typer.Option("--host", help="Beyond this machine only with a token.")
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="A line NAME TOKEN for each client; or SPANER_TOKEN."),
    ] = None,
) -> Result | None:
    """Serve a search page and an HTTP interface until Ctrl-C or SIGTERM.

    It needs an index (`spaner index`) and the extra `spaner[serve]`. What is sent is decoded in
    memory and never written. A space or index that changes is read anew.
    """
    need("serve", user="spaner serve needs")
    from spaner.serve.running import Place, serve
    from spaner.serve.tokens import read_tokens

    def ready(address: str) -> None:
        notice(call.project.notices if call.project else (), quiet=call.quiet)
        tell(f"serving at {address}; Ctrl-C ends it")

    serve(call.open, Place(host=host, port=port, tokens=read_tokens(token_file)), say=ready)
    return None
