"""Lists, writes and checks plugins: `spaner plugins`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spaner.cli.flags import CONFIG, check_folder
from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import notice, say, say_table

if TYPE_CHECKING:
    from spaner_core.conformance import Verdict
    from spaner_registry.config.settings import Config

    from spaner.plugins.installed import ListedPlugin

SEE = "see below"
"""Stands in the table for what is longer than a cell."""

app = typer.Typer(name="plugins")


@app.callback(invoke_without_command=True, epilog="Example: spaner plugins --json")
@framed("config space strict json")
def plugins(
    call: Call,
    context: typer.Context,
    strict: Annotated[
        bool, typer.Option("--strict", help="Load every one, each in a process of its own.")
    ] = False,
) -> Result | None:
    """List what is installed, without loading it; begin or check a plugin of your own."""
    if context.invoked_subcommand is not None:
        if call != Call() or strict:
            _refuse_flags(context.invoked_subcommand)
        return None
    from spaner_registry.plugins.discovery import discover

    from spaner.plugins.installed import list_plugins, try_plugins, unserved_modalities

    settings = _settings_if_any(call.config, binding=strict)
    declared = settings.modalities if settings else {}
    allow = settings.policy.allow if settings else None
    folder = _space_if_any(call.space, settings)
    found = discover(allow)
    tried = try_plugins(found) if strict else None
    rows = list_plugins(found, declared=declared, space=folder, tried=tried)
    absent = [name for name in declared if name not in found]
    notice(
        f"{name} is declared in {call.config}, but no such plugin is installed" for name in absent
    )
    notice(unserved_modalities(found, space=folder))
    return Result(
        [asdict(row) for row in rows],
        partial(_say_plugins, rows, strict=strict),
        failure=_broken(rows) if strict else None,
    )


@app.command(epilog="Example: spaner plugins new thermal")
def new(
    name: Annotated[str, typer.Argument(help="The new modality's name, such as thermal.")],
    folder: Annotated[
        Path,
        typer.Option(
            "--folder", help="Where the plugin's own folder is made.", callback=check_folder
        ),
    ] = Path(),
) -> None:
    """Begin a plugin of your own: writes a small one that works."""
    from spaner.plugins.new.scaffold import write_plugin

    made = write_plugin(name, folder)
    place = str(made) if made.is_absolute() else f"./{made}"  # never taken for a bare name
    say(f"{made}: a small plugin that works, to be made yours in the places marked YOURS")
    say("Next:")
    say(f"  pip install --editable {shlex.quote(place)}")
    say(f"  spaner plugins check {name}")


@app.command(epilog="Example: spaner plugins check thermal")
@framed("config json rule time_limit_s")
def check(
    call: Call,
    name: Annotated[str, typer.Argument(help="The installed plugin to try.")],
    rule: Annotated[
        str | None, typer.Option("--rule", help="Try this rule alone, such as gradients.")
    ] = None,
    time_limit_s: Annotated[
        float, typer.Option("--time-limit", min=1, help="Seconds after which it is stopped.")
    ] = 600,
) -> Result:
    """Try a plugin by every rule of the contract, in a process of its own."""
    from spaner.plugins.plugin_check import check_plugin, find_plugin

    settings = _settings_if_any(call.config, binding=True)
    plugin = find_plugin(name, allow=settings.policy.allow if settings else None)
    tried = check_plugin(plugin, rule=rule, time_limit_s=time_limit_s)
    failure = _shortcoming(name, tried)

    def show() -> None:
        _say_rules(tried)
        if failure is None:
            kept = f"all {len(tried)} rules" if rule is None else tried[-1].rule
            say(f"plugin {name!r} keeps {kept}")

    return Result([asdict(one) for one in tried], show, failure=failure)


def _say_plugins(rows: Sequence[ListedPlugin], *, strict: bool) -> None:
    say_table(
        ("name", "distribution", "version", "declared", "in the space", *["loads"] * strict),
        [
            (row.name, row.distribution, row.version, row.declared, row.in_space)
            + (row.loads,) * strict
            for row in rows
        ],
    )
    notice(f"{row.name}: {row.problem}" for row in rows if row.problem and row.loads is None)


def _say_rules(tried: Sequence[Verdict]) -> None:
    say_table(
        ("kept", "rule (check_...)", "what was found"),
        [
            (t.passed, t.rule.removeprefix("check_"), SEE if t.passed is False else t.remark)
            for t in tried
            if t.passed is not None
        ],
    )
    untried = sum(t.passed is None for t in tried)
    if untried:
        say(f"not tried, as what they need cannot be made: {untried} rules (--json names them)")
    for broken in (t for t in tried if t.passed is False):
        say(f"{broken.rule}: {broken.asks}\n  {broken.remark}")


def _shortcoming(name: str, tried: Sequence[Verdict]) -> Exception | None:
    """Return an error unless every rule was tried and is kept."""
    from spaner_core.errors import PluginError

    first = tried[0]
    if first.passed is False:
        broken, count = (sum(t.passed in some for t in tried) for some in ((False,), (True, False)))
        return PluginError(
            f"plugin {name!r} breaks {broken} of the {count} rules that were tried; expected "
            f"it to keep all; begin with {first.rule}: {first.asks}"
        )
    if first.passed is None:
        return PluginError(
            f"plugin {name!r} breaks no rule, and {first.rule} was not tried; expected every rule "
            "to be tried; report it to the authors of SPANER"
        )
    return None


def _broken(rows: Sequence[ListedPlugin]) -> Exception | None:
    """Return the error that names every plugin that was loaded and is broken, None for none."""
    from spaner_core.errors import PluginError

    broken = [f"{row.name}: {row.problem}" for row in rows if row.loads is False]
    if not broken:
        return None
    count = f"{len(broken)} of {len(rows)} installed plugins cannot be used"
    return PluginError("\n  ".join((f"{count}:", *broken)))


def _refuse_flags(subcommand: str) -> None:
    from spaner_core.errors import ConfigError

    raise ConfigError(
        f"flags stand before {subcommand!r}; expected them after it; write "
        f"`spaner plugins {subcommand} ...` with the flags that its --help shows"
    )


def _space_if_any(space: Path | None, settings: Config | None) -> Path | None:
    """Return the space to look into: one that is named must be there, a declared one may come."""
    if space is None:
        return settings.space if settings else None
    from spaner_core.files.replacing import check_is_space

    check_is_space(space)
    return space


def _is_absent(path: Path) -> bool:
    """Tell whether nothing was meant: a link that leads nowhere and what is barred are there."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _settings_if_any(config: Path, *, binding: bool) -> Config | None:
    """Read the configuration, None where there is none.

    Where it is broken and not `binding`, that only costs the columns made from it; before plugins
    are loaded it is binding, as its policy is.
    """
    if config == CONFIG and _is_absent(config):
        return None
    from spaner_core.errors import ConfigError
    from spaner_registry.config.settings import read_config

    try:
        return read_config(config)
    except ConfigError as error:
        if binding or not config.is_file():
            raise
        notice([f"{config} was not used: {error}"])
        return None
