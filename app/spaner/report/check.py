"""Compares the figures in a report with those of the space now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaner_core.errors import DataError
from spaner_core.files.documents import parse_json
from spaner_core.files.ordinary import open_ordinary

from spaner.policy.links import check_measured
from spaner.project import Project
from spaner.report.findings import measure
from spaner.report.html import END, MARK
from spaner.reports import Audited, Report

CLOSE = 1e-6
"""What differs by less is noise of another machine."""

UNMEASURED = ("format_version", "made")


@dataclass(frozen=True, kw_only=True, repr=False)
class ReportCheck(Report):
    """How many figures of a report were compared; `changed` says which no longer hold, and how."""

    path: Path
    compared: int
    changed: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every figure is the same now."""
        return not self.changed

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        return Audited({"compared": self.compared, "changed": len(self.changed)})


def check_report(project: Project, path: Path) -> ReportCheck:
    """Measure again what a report says, and name each figure that no longer holds.

    Raises `DataError` where the file is no report, and as `measure`.
    """
    check_measured(project.config, project.config.modalities)
    said = read_numbers(path)
    split = said.get("split")
    now = measure(project, split if isinstance(split, str) else None).numbers(project)
    before = dict(_flat({key: part for key, part in said.items() if key not in UNMEASURED}))
    after = dict(_flat(now))
    changed = [
        f"{name}: the report says {_word(before, name)}, it is {_word(after, name)} now"
        for name in dict.fromkeys((*before, *after))
        if not _same(before.get(name), after.get(name))
    ]
    return ReportCheck(path=path, compared=len(before), changed=tuple(changed))


def read_numbers(path: Path) -> Mapping[str, Any]:
    """Read the figures that stand in a report's file. Raises `DataError` where there are none."""
    try:
        with open_ordinary(path) as file:
            text = file.read().decode("utf-8")
        content = parse_json(text.split(MARK, 1)[1].split(END, 1)[0].encode("utf-8"))
    except OSError as error:
        raise DataError(f"--check {path}: {error.strerror}; name a report's file") from error
    except (ValueError, IndexError) as error:
        raise DataError(
            f"--check {path}: no figures stand in it; expected a file that `spaner report` wrote"
        ) from error
    if not isinstance(content, dict) or content.get("format_version") != 1:
        raise DataError(f"--check {path}: its figures are of another version; write it anew")
    return content


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give every number and word by its name, nested names joined by dots."""
    if isinstance(value, Mapping | list | tuple):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in items:
            yield from _flat(part, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, float | int) and isinstance(second, float | int):
        return math.isclose(first, second, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(first == second)


def _word(figures: Mapping[str, Any], name: str) -> str:
    value = figures.get(name)
    return (
        f"{value:.6g}" if isinstance(value, float) else "nothing" if value is None else str(value)
    )
