"""The program: `spaner`, or `python -m spaner`."""

from __future__ import annotations

import logging
import os
import sys

import typer
from spaner_core.errors import SpanerError

from spaner.cli import app

WRONG_INPUT, OUR_FAULT, INTERRUPTED = 2, 1, 130


def main() -> None:
    """Run the command line; exit 0, 2 when the input is wrong, 1 when the program is."""
    # threads that wait without spinning: on a busy machine spinning costs minutes
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    level = os.environ.get("SPANER_LOG_LEVEL", "warning").upper()
    logging.basicConfig(level=level if level in logging.getLevelNamesMapping() else "WARNING")
    try:
        app(prog_name="spaner")
    except SpanerError as error:
        _fail(f"error: {error}", WRONG_INPUT)
    except OSError as error:
        _fail(f"error: {error}", WRONG_INPUT)
    except KeyboardInterrupt:
        _fail("interrupted; nothing was half-written", INTERRUPTED)
    except Exception as error:
        if level == "DEBUG":
            raise
        _fail(
            f"internal error, please report it: {type(error).__name__}: {error} "
            "(SPANER_LOG_LEVEL=debug shows where)",
            OUR_FAULT,
        )


def _fail(message: str, code: int) -> None:
    typer.echo(message, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
