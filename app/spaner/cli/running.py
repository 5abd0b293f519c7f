"""Runs the command line, and says in one line what went wrong."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import typer
from spaner_core.errors import SpanerError
from typer.exceptions import TyperException

from spaner.cli import app
from spaner.cli.output import tell
from spaner.cli.streams import prepare_streams
from spaner.signals import was_asked

WRONG_INPUT, OUR_FAULT = 2, 1

build_commands = cache(typer.main.get_command)
"""Makes the program, once; it makes each command when that is first asked for."""
CHOICES = re.compile("Value error, '.*' is not one of (.+), (.+)")
FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; only what interrupts it is raised."""
    output, _ = prepare_streams()
    level = os.environ.get("SPANER_LOG_LEVEL", "warning").upper()
    logging.basicConfig(
        level=level if level in logging.getLevelNamesMapping() else "WARNING",
        format="note: %(message)s" if level == "WARNING" else logging.BASIC_FORMAT,
    )
    try:
        invoke(arguments)
        output.flush()  # while an error can still be told
    except BrokenPipeError:  # whoever read our output has seen enough
        output.drop()
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):  # which rich makes one of
            raise
        output.drop()
    except Exception as error:
        if was_asked():  # a library made this of it
            raise
        code, message = _explain(error)
        if code == OUR_FAULT and level == "DEBUG":
            raise
        if message:
            tell(message)
        return code
    return 0


def invoke(arguments: Sequence[str]) -> None:
    """Run a command, whatever it raises; `typer.Exit` is its end with an exit code.

    Unlike typer's own `main` this passes on Ctrl-C and closed pipes.
    """
    program: Any = build_commands(app)  # its type has no public name
    with program.make_context("spaner", list(arguments)) as context:
        program.invoke(context)


def _explain(error: Exception) -> tuple[int, str]:
    """Return the exit code that an error means, and what is to be said of it."""
    if isinstance(error, typer.Exit):
        return error.exit_code, ""
    if isinstance(error, TyperException):
        return WRONG_INPUT, f"error: {_usage(error)}"
    if isinstance(error, SpanerError):
        return WRONG_INPUT, f"error: {error}"
    if isinstance(error, OSError):
        return WRONG_INPUT, f"error: {_of_system(error)}"
    return OUR_FAULT, (
        f"internal error, please report it: {type(error).__name__}: {error} "
        "(SPANER_LOG_LEVEL=debug shows where)"
    )


def _of_system(error: OSError) -> str:
    """Say which file or folder the system refuses, why, and what helps."""
    if error.filename is None or error.strerror is None:
        return str(error)
    why = f"{os.fsdecode(error.filename)}: {error.strerror}"
    if error.errno in FULL:
        return f"{why}; make room there, and run the command again"
    return f"{why}; give rights, or name another place" if error.errno in FORBIDDEN else why


def _usage(error: TyperException) -> str:
    """Say in one line what is wrong with the arguments, and where to look."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "spaner"
    message = " ".join(getattr(error, "format_message", error.__str__)().split()).rstrip(".?")
    return f"{CHOICES.sub(_choices, message)}{_given(error)}. See `{command} --help`"


def _choices(found: re.Match[str]) -> str:
    """Say what a flag takes as pydantic says it of a type of its own."""
    return f"Input should be {found[1]} or {found[2]}"


def _given(error: TyperException) -> str:
    """Name the value that was given for the argument at fault, where there is one."""
    from pydantic import ValidationError

    why = error.__cause__
    return f", not {why.errors()[0]['input']}" if isinstance(why, ValidationError) else ""
