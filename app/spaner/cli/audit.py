"""Shows and verifies the audit log: `spaner audit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from spaner_core.errors import ConfigError, OutputExists, SpanerError

from spaner.cli.frame import Call, Result, framed
from spaner.cli.output import notice, say, say_table

if TYPE_CHECKING:
    from spaner.audit.show import AuditReport, ShownLine
    from spaner.audit.verify import AuditCheck

app = typer.Typer()

MOST_PAIRS = 3
"""Pairs of a line that a table names."""

WIDEST = 60
"""Characters of what was asked that a table shows."""


@app.command(epilog="Example: spaner audit --who alice --action search --since 2026-11-01")
@framed("config overwrite json quiet")
def audit(
    call: Call,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="From then on, UTC.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Up to then, UTC.")] = None,
    who: Annotated[str | None, typer.Option(help="Only what this user did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only such actions, as search.")] = None,
    modality: Annotated[str | None, typer.Option(help="Only what it took part in.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many lines, the last ones.")] = 50,
    verify: Annotated[bool, typer.Option("--verify", help="Look for what was changed.")] = False,
    head: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Verify that this head is in the log.")
    ] = None,
    save_head: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Verify, and write the head to keep.")
    ] = None,
) -> Result:
    """Show who did what, from the log that policy.audit_log names, or verify that log.

    Verifying finds lines that were changed, removed, inserted or moved, with exit code 2. That the
    last lines were cut shows only against a head: their number and hash, which --save-head writes.
    Keep it where whoever can write the log cannot.
    """
    from spaner_registry.config.settings import read_config

    from spaner.audit.show import Wanted, log_path, show_log

    path = log_path(read_config(call.config))
    wanted = Wanted(since=since, until=until, who=who, action=action, modality=modality)
    if verify or head is not None or save_head is not None:
        if wanted != Wanted():
            raise ConfigError(
                "the whole log is verified; leave out --since, --until, --who, --action and "
                "--modality, or --verify, --head and --save-head"
            )
        return _verified(call, path, head=head, save_head=save_head)
    report = show_log(path, wanted, last=last)
    if len(report.lines) < report.chosen:
        said = f"the last {len(report.lines):,} of {report.chosen:,} lines; --last shows more"
        notice([said], quiet=call.quiet)
    if not report.chosen:
        notice([f"no line of {path} meets all that was asked"], quiet=call.quiet)
    return Result(report.as_dicts(), partial(_say_lines, report))


def _verified(call: Call, path: Path, *, head: Path | None, save_head: Path | None) -> Result:
    """Verify the log, and keep its head where it is intact and that was asked for."""
    from spaner.audit.verify import read_head, verify_log, write_head

    if save_head is not None and save_head.exists() and not call.overwrite:
        raise OutputExists(f"{save_head} exists; name another --save-head, or give --overwrite")
    found = verify_log(path, head=None if head is None else read_head(head))
    failure: Exception | None = None
    if not found.intact:
        said = "\n".join([f"{path} is not as it was written:", *found.problems])
        failure = typer.Exit(2) if call.json else SpanerError(said)
    elif save_head is not None and found.head is not None:
        write_head(save_head, found.head)
    return Result(
        {**asdict(found), "intact": found.intact}, partial(_say_verified, found), failure=failure
    )


def _say_verified(found: AuditCheck) -> None:
    if not found.intact:
        return
    say(f"{found.log}: {found.lines:,} lines, none changed; {found.readable:,} can be read")
    if found.head is not None:
        say(f"head: {found.head.n} {found.head.hash}")
    if found.torn_bytes:
        say(
            f"behind them stand {found.torn_bytes:,} bytes of a line that was not finished; the "
            "next action mends that"
        )


def _say_lines(report: AuditReport) -> None:
    ended = {shown.line.begun for shown in report.lines}
    columns = ("n", "at (UTC)", "who", "action", "linked", "outcome", "what")
    say_table(columns, [_cells(one) for one in report.lines if one.line.n not in ended])


def _cells(shown: ShownLine) -> tuple[object, ...]:
    line = shown.line
    linked = ", ".join(f"{source} → {target}" for source, target in line.pairs)
    if not line.pairs or len(line.pairs) > MOST_PAIRS:
        linked = ", ".join(line.modalities)
        linked = f"{len(line.pairs)} pairs of {linked}" if line.pairs else linked
    at = f"{line.at[:10]} {line.at[11:19]}"
    return (line.n, at, line.who, line.action, linked, line.outcome, _what(shown))


def _what(shown: ShownLine) -> str:
    """Say in a few words what was asked and found."""
    counts = [f"{count:,} {name}" for name, count in shown.line.counts.items()]
    if shown.content is None:
        asked = ["(erased)"] if shown.line.commitment and shown.line.action != "forget" else []
    else:
        asked = [f"{name} {_short(value)}" for name, value in shown.content.items()]
    said = "; ".join([*counts, *asked])
    return said if len(said) <= WIDEST else f"{said[:WIDEST]}..."


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(one)}" for name, one in value.items() if one)
    return str(value)
