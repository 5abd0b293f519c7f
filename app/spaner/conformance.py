"""The conformance kit in a process of its own: a plugin that crashes or hangs is judged too."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaner_core.child import run_child
from spaner_registry.discovery import FoundPlugin
from spaner_registry.registry import Registry

KIT = "spaner_core.conformance"

_NOT_BEGUN: dict[str, Any] = {
    "rule": "check_opens",
    "asks": "The plugin is installed and can be imported.",
}
"""What the process was at when it died before the first rule."""


@dataclass(frozen=True, kw_only=True)
class TriedRule:
    """A rule of the kit, what it asks, whether the plugin keeps it, and what was found.

    `passed` is None where the rule could not be tried, for a reason that another rule tells.
    """

    rule: str
    asks: str
    passed: bool | None
    remark: str


def check_plugin(
    name: str, *, allow: Collection[str] | None, time_limit_s: float
) -> list[TriedRule]:
    """Try an installed plugin by every rule; broken rules come first, then those not tried.

    `allow` names the distributions that may be loaded, None meaning any. Where the process that
    tries it dies, the rule that it was at is broken, and those after it were not tried. Raises
    `PluginError` for a plugin that is not installed, declared twice or refused.
    """
    plugin = _find(name, allow)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.jsonl"
        report.touch()
        arguments = ["-m", KIT, name, plugin.entry_point.value, str(report)]
        ended = run_child(arguments, time_limit_s=time_limit_s)
        lines = report.read_text(encoding="utf-8", errors="replace").splitlines()
    return sorted(_judge(lines, ended), key=lambda tried: (False, None, True).index(tried.passed))


def _find(name: str, allow: Collection[str] | None) -> FoundPlugin:
    registry = Registry(allow=allow)
    plugin = registry.found.get(name)
    if plugin is None or plugin.problem is not None:
        return registry.load(name)  # which says why not, before anything is imported
    return plugin


def _judge(lines: list[str], ended: str | None) -> list[TriedRule]:
    """Join a rule's two lines, when it began and when it ended; `ended` is how the process died."""
    told = [line for line in map(_read, lines) if line]
    rules = {line["rule"]: line for line in told if "rule" in line}
    if ended is None and not any("finished" in line for line in told):  # os._exit(0)
        ended = "ended with exit code 0 before all rules were tried"
    if ended is not None:
        last = list(rules.values())[-1] if rules else _NOT_BEGUN
        remark = f"the process that tried this rule {ended}; the rules after it were not tried"
        rules[last["rule"]] = {**last, "passed": False, "remark": remark}
    return [TriedRule(**rule) for rule in rules.values()]


def _read(line: str) -> dict[str, Any] | None:
    """Read one line of the report; a process that is killed may leave half a line."""
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return told
