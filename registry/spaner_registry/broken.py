"""What is said of a plugin that its user cannot mend, whatever it did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spaner_core.errors import PluginError, SpanerError

from spaner_registry.discovery import FoundPlugin

_LONGEST = 500


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
    was said on purpose (a `SpanerError`) pass through as they are.
    """
    try:
        yield
    except (SpanerError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise broken(plugin, f"{doing} failed ({one_line(error)})", "no error") from error


def one_line(error: BaseException) -> str:
    """Give an error's type and words in one line."""
    kind = type(error).__name__
    try:
        words = " ".join(str(error).split())
    except Exception:  # an exception's words are the plugin's code too
        return kind
    if len(words) > _LONGEST:
        words = f"{words[:_LONGEST]}..."
    return f"{kind}: {words}" if words else kind
