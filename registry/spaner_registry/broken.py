"""What is said of a plugin that its user cannot mend."""

from __future__ import annotations

from spaner_core.errors import PluginError

from spaner_registry.discovery import FoundPlugin


def broken(plugin: FoundPlugin, given: str, expected: str) -> PluginError:
    """Make the error for a plugin that its user cannot mend, naming where it comes from."""
    return PluginError(
        f"plugin {plugin.name!r} of {plugin.origin}: {given}; expected {expected}; "
        f"update {plugin.distribution} or tell its authors"
    )


def one_line(error: BaseException) -> str:
    """Give an error's type and words in one line."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
