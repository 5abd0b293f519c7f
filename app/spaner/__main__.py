"""The program: `spaner`, or `python -m spaner`."""

from __future__ import annotations

import logging
import os
import sys

import typer
from spaner_core.errors import SpanerError
from typer.exceptions import TyperException

from spaner.cli import app
from spaner.cli.output import tell, write_in_any_encoding

SETTINGS = {
    # threads that wait without spinning: on a busy machine spinning costs minutes
    "OMP_WAIT_POLICY": "PASSIVE",
    # neither looks for plugins of its own: one damaged distribution would end the program there
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
    "TORCH_DEVICE_BACKEND_AUTOLOAD": "0",
}
"""Set before anything heavy is imported, unless the user has set them."""

WRONG_INPUT, OUR_FAULT, INTERRUPTED = 2, 1, 130


def main() -> None:
    """Run the command line; exit 0, 2 when the input is wrong, 1 when the program is."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    write_in_any_encoding()
    level = os.environ.get("SPANER_LOG_LEVEL", "warning").upper()
    logging.basicConfig(
        level=level if level in logging.getLevelNamesMapping() else "WARNING",
        format="note: %(message)s" if level == "WARNING" else logging.BASIC_FORMAT,
    )
    try:
        code = app(prog_name="spaner", standalone_mode=False) or 0
        if code == INTERRUPTED:  # the library has caught it
            raise KeyboardInterrupt
        sys.exit(code)
    except TyperException as error:
        _fail(f"error: {_usage(error)}", WRONG_INPUT)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except SpanerError as error:
        _fail(f"error: {error}", WRONG_INPUT)
    except OSError as error:
        _fail(f"error: {error}", WRONG_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted; nothing was half-written", INTERRUPTED)
    except Exception as error:
        if level == "DEBUG":
            raise
        _fail(
            f"internal error, please report it: {type(error).__name__}: {error} "
            "(SPANER_LOG_LEVEL=debug shows where)",
            OUR_FAULT,
        )


def _usage(error: TyperException) -> str:
    """Say in one line what is wrong with the arguments, and where to look."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "spaner"
    message = " ".join(getattr(error, "format_message", error.__str__)().split()).rstrip(".?")
    return f"{message}{_given(error)}. See `{command} --help`"


def _given(error: TyperException) -> str:
    """Name the value that was given for the argument at fault, where there is one."""
    for flag in getattr(getattr(error, "param", None), "opts", ()):
        if flag in sys.argv[:-1]:
            return f", not {sys.argv[sys.argv.index(flag) + 1]}"
    return ""


def _fail(message: str, code: int) -> None:
    tell(message)
    sys.exit(code)


if __name__ == "__main__":
    main()
