"""Tests a plugin against the contract, in a process of its own."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from spaner_core.child_process import ask_child
from spaner_core.conformance import Verdict, judge
from spaner_core.conformance.verdict import sentence, trace_of
from spaner_core.contract.options import unknown_key
from spaner_core.errors import ConfigError, PluginError
from spaner_registry.plugins.discovery import FoundPlugin
from spaner_registry.plugins.plugin import code_of
from spaner_registry.plugins.registry import Registry, load_plugin

_log = logging.getLogger(__name__)

OPENING = Verdict(
    rule="check_opens",
    asks="The plugin opens: it can be imported, and its hooks are those of the contract.",
)
"""The first rule, before its verdict. It needs no heavy library."""


def find_plugin(name: str, *, allow: Collection[str] | None) -> FoundPlugin:
    """Find an installed plugin; `allow` names the distributions that may be loaded, None any.

    Raises `PluginError` for one that is not installed, declared twice or refused.
    """
    registry = Registry(allow=allow)
    plugin = registry.found.get(name)
    if plugin is None or plugin.problem is not None:
        registry.load(name)  # which says why not, before anything is imported
    return registry.found[name]


def check_plugin(
    plugin: FoundPlugin, *, rule: str | None = None, time_limit_s: float
) -> list[Verdict]:
    """Try an installed plugin by every rule, or by one; one that does not open, by no other.

    Broken rules come first, then those not tried. Where the process dies, the rule that it was at
    is broken, and those after it are not in the result. Tracebacks of what the plugin raised go to
    the log (level DEBUG). Raises `ConfigError` where there is no such rule.
    """
    entry = (plugin.name, plugin.entry_point.value, plugin.entry_point.group)
    request = {
        "plugin": (plugin.name, plugin.distribution, plugin.version),
        "entry point": entry,
        "rule": rule,
    }
    told = ask_child(f"{__name__}:try_rules", request, time_limit_s=time_limit_s)
    verdicts = {OPENING.rule: OPENING}
    for answer in told.answers:
        if "unknown" in answer:
            raise ConfigError(answer["unknown"])
        verdicts[answer["rule"]] = Verdict(**answer)
        if answer["trace"]:
            _log.debug("%s: %s", answer["rule"], answer["trace"])
    if told.ended is not None:
        last = list(verdicts.values())[-1]
        died = code_of(plugin).broken(f"its process {told.ended}", "it to live until all was tried")
        verdicts[last.rule] = dataclasses.replace(last, passed=False, remark=str(died))
    return sorted(verdicts.values(), key=lambda verdict: (False, None, True).index(verdict.passed))


def try_opening(plugin: FoundPlugin, *, time_limit_s: float) -> str | None:
    """Say in one line why a plugin does not open, None where it does."""
    if plugin.problem is not None:
        return plugin.problem
    (opening,) = check_plugin(plugin, rule=OPENING.rule, time_limit_s=time_limit_s)
    return None if opening.passed else opening.remark


def try_rules(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Answer `check_plugin` in the other process: a verdict of None as a rule begins, then its own.

    A rule that is not known is answered before anything of the plugin is imported.
    """
    entry_point = EntryPoint(*request["entry point"])
    name, distribution, version = request["plugin"]
    plugin = FoundPlugin(name, distribution, version, entry_point)
    typed = request["rule"]
    asked = typed and f"check_{typed.removeprefix('check_')}"
    if asked == OPENING.rule:
        yield dataclasses.asdict(_open(plugin))
        return
    from spaner_core.conformance import RULES, open_subject

    rules = [rule for rule in RULES if asked in (None, rule.__name__)]
    if not rules:
        names = [OPENING.rule, *(rule.__name__ for rule in RULES)]
        unknown = unknown_key(typed, [name.removeprefix("check_") for name in names])
        yield {"unknown": f"--rule: {unknown.replace('key', 'rule', 1)}"}
        return
    with tempfile.TemporaryDirectory() as folder:
        try:  # before it is opened: what its import does is watched
            subject = open_subject(plugin.name, Path(folder), reference=entry_point.value)
        except PluginError:  # which opening it tells
            subject = None
        opening = _open(plugin)
        yield dataclasses.asdict(opening)
        if subject is None or not opening.passed:
            return
        for rule in rules:
            yield dataclasses.asdict(Verdict(rule=rule.__name__, asks=sentence(rule)))
            yield dataclasses.asdict(judge(rule, subject))


def _open(plugin: FoundPlugin) -> Verdict:
    """Open a plugin as the product does."""
    try:
        load_plugin(plugin)
    except PluginError as error:
        remark, trace = " ".join(str(error).split()), trace_of(error.__cause__)
        return dataclasses.replace(OPENING, passed=False, remark=remark, trace=trace)
    return dataclasses.replace(OPENING, passed=True, remark=plugin.entry_point.value)
