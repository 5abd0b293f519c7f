"""Joins both measurements of robustness in a report, and writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from spaner_core.errors import OutputExists
from spaner_core.extras import need
from spaner_core.files.documents import read_json
from spaner_core.files.replacing import replaced_at_end

from spaner.arguments import check_count, check_measures_something
from spaner.experiments.robustness.corrupted_inputs import InputRobustness, measure_inputs
from spaner.experiments.robustness.damaged_training import (
    SEEDS,
    TrainingRobustness,
    measure_training,
)
from spaner.experiments.robustness.tables_and_curves import (
    draw_curves,
    inputs_tables,
    training_table,
)
from spaner.output_paths import check_output_folder
from spaner.project import Project
from spaner.reports import Audited, Report
from spaner.result_tables import Table, to_markdown
from spaner.splits import TEST_SPLIT

REPORT, TABLES = "robustness.json", "tables.md"


@dataclass(frozen=True, kw_only=True, repr=False)
class RobustnessReport(Report):
    """What a project endures; None where it was not measured.

    `dataclasses.asdict` gives the JSON of `spaner robustness --json`:

        {"inputs": {"split": "test", "seed": 0, "rows": {"<modality>": 120, ...},
                    "synthetic": ["<modality>", ...],
                    "modalities": {"<modality>": {"<corruption>": [
                        {"severity": 0, "left_out": 0, "figures": {"as_query_map": 0.9, ...}},
                        ... up to severity 5]}},
                    "notices": [...]},
         "training": {"split": "test", "seeds": [0, ...], "modalities": [...],
                      "synthetic": ["<modality>", ...], "clean": OUTCOME,
                      "damages": [{"kind": "wrong labels", "name": "10% wrong labels",
                                   "modality": null, "outcome": OUTCOME}, ...],
                      "notices": [...]}}

    OUTCOME is {"runs": {"<seed>": {"<figure>": 0.7, ...}}, "figures": {"<figure>": {"mean", "low",
    "high", "runs"}}, "differences": ...}; differences are damaged minus clean, paired by seed.
    """

    inputs: InputRobustness | None
    training: TrainingRobustness | None

    @property
    def audited(self) -> Audited:
        """What the audit log says of it."""
        inputs = self.inputs.modalities if self.inputs else ()
        training = self.training.modalities if self.training else ()
        return Audited(modalities={*inputs, *training})

    def __repr__(self) -> str:
        return "\n".join(map(to_markdown, self.tables))

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of both, each once."""
        parts = [part.notices for part in (self.inputs, self.training) if part is not None]
        return tuple(dict.fromkeys(notice for part in parts for notice in part))

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of what was measured."""
        return tuple(_tables(self))


def measure_robustness(
    project: Project,
    *,
    inputs: bool = True,
    training: bool = True,
    seeds: int = SEEDS,
    split: str = TEST_SPLIT,
    output: Path | None = None,
    overwrite: bool = False,
) -> RobustnessReport:
    """Measure corrupted `inputs` in the project's space, and trainings on damaged data.

    Where an `output` is named, the report is written to that folder. Raises `ConfigError` where
    neither is asked for, as `measure_inputs` and `measure_training`, and before any work as
    `check_output_folder` and `check_report_output`.
    """
    check_measures_something(inputs=inputs, training=training)
    check_count("seeds", seeds)
    if output is not None:
        check_output_folder(project, output, flag="--output")
        check_report_output(output, overwrite=overwrite, curves=inputs)
    report = RobustnessReport(
        inputs=measure_inputs(project, split=split) if inputs else None,
        training=measure_training(project, seeds=seeds, split=split) if training else None,
    )
    if output is not None:
        write_report(report, output, overwrite=overwrite)
        project.say(f"report written to {output}")
    return report


def check_report_output(folder: Path, *, overwrite: bool, curves: bool) -> None:
    """Raise `OutputExists` unless a report may be written to `folder`.

    With `overwrite` it may replace another report, and nothing else. Raises `ConfigError` where
    `curves` are to be drawn and cannot be.
    """
    if curves:
        need("map", user="curves need", otherwise="or leave --output out")
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not _is_report(folder):
        raise OutputExists(f"{folder} exists and is no robustness report; name another folder")
    if not overwrite:
        raise OutputExists(
            f"{folder} holds a robustness report already; name another folder, or replace it with "
            "--overwrite"
        )


def write_report(report: RobustnessReport, folder: Path, *, overwrite: bool = False) -> None:
    """Write JSON, tables as Markdown, and a PNG a modality to `folder`, all or nothing.

    Raises as `check_report_output`.
    """
    inputs = report.inputs
    with replaced_at_end(folder) as new:
        check_report_output(folder, overwrite=overwrite, curves=bool(inputs and inputs.modalities))
        new.mkdir()
        content = json.dumps(asdict(report), indent=2, ensure_ascii=False)
        (new / REPORT).write_text(content + "\n", encoding="utf-8")
        parts = [*map(to_markdown, report.tables), *_notes(report)]
        (new / TABLES).write_text("\n".join(parts), encoding="utf-8")
        if inputs is not None:
            for name in inputs.modalities:
                draw_curves(inputs, name, output=new / f"{name}.png")


def _tables(report: RobustnessReport) -> Iterator[Table]:
    if report.inputs is not None:
        yield from inputs_tables(report.inputs)
    if report.training is not None:
        yield training_table(report.training)


def _notes(report: RobustnessReport) -> Iterator[str]:
    """Give the notices that a terminal shows beside the tables, as a last section in Markdown."""
    if report.notices:
        yield "## Notes\n\n" + "".join(f"- {notice}\n" for notice in report.notices)


def _is_report(folder: Path) -> bool:
    """Tell whether a folder holds a report and nothing besides that a user might miss."""
    try:
        inputs = read_json(folder / REPORT)["inputs"]
        pictures = [f"{name}.png" for name in (inputs or {}).get("modalities", ())]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False
    ours = {REPORT, TABLES, *pictures}
    return all(
        path.is_file() and not path.is_symlink() and path.name in ours for path in folder.iterdir()
    )
