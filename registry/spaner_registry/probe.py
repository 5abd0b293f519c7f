"""Trying an installed plugin in a process of its own, where nothing that it does is felt here."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from spaner_core.child import die_with_parent, run_child
from spaner_core.errors import SpanerError

from spaner_registry.broken import broken
from spaner_registry.discovery import FoundPlugin
from spaner_registry.registry import Registry


def probe(plugin: FoundPlugin, *, time_limit_s: float) -> str | None:
    """Load and check a plugin in a child process; say in one line what is wrong, or None.

    A plugin that policy, environment or its own metadata rule out is not loaded: its `problem` is
    the answer. Nothing that the plugin does can end or stall this process; it is stopped after
    `time_limit_s` seconds. What passes here may still fail when it is asked to build.
    """
    if plugin.problem is not None:
        return plugin.problem
    with tempfile.TemporaryDirectory() as folder:
        verdict = Path(folder) / "verdict"
        arguments = ["-m", __name__, plugin.name, plugin.distribution, str(verdict)]
        ended = run_child(arguments, time_limit_s=time_limit_s)
        said = verdict.read_text(encoding="utf-8") if verdict.is_file() else None
    if said:
        return said
    if ended is None and said is None:  # os._exit(0) looks like success
        ended = "ended before it had been checked"
    if ended is not None:
        return str(broken(plugin, f"loaded by itself, its process {ended}", "it to load"))
    return None


def _check(name: str, distribution: str, verdict: Path) -> None:
    """Load one plugin and write what is wrong with it, nothing if all is well, to `verdict`."""
    said = ""
    try:  # the distribution settles a name that several declare, as the policy did
        Registry(allow=[distribution]).load(name)
    except SpanerError as error:
        said = " ".join(str(error).split())
    verdict.write_text(said, encoding="utf-8", errors="replace")


if __name__ == "__main__":
    die_with_parent()
    _check(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
