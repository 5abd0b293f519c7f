"""What is said of a plugin that its user cannot mend, whatever it did."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from spaner_core.errors import PluginError, SpanerError, one_line

from spaner_registry.discovery import FoundPlugin


def broken(plugin: FoundPlugin, given: str, expected: str) -> PluginError:
    """Make the error for a plugin that its user cannot mend, naming where it comes from."""
    return PluginError(
        f"plugin {plugin.name!r} of {plugin.origin}: {given}; expected {expected}; "
        f"update {plugin.distribution} or tell its authors"
    )


@contextmanager
def contained(plugin: FoundPlugin, doing: str) -> Iterator[None]:
    """Turn whatever a plugin's code raises in the block into a `PluginError`.

    `SystemExit` and its like included: a plugin does not end the program. Only Ctrl-C and what
    was said on purpose (a `SpanerError`) pass through as they are. What it prints goes to standard
    error: standard output is for what the program was asked.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (SpanerError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise broken(plugin, f"{doing} failed ({one_line(error)})", "no error") from error
