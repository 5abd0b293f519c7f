"""What noise in inputs and damage in training data cost, on the demonstration's data.

    .venv/bin/python benchmarks/robustness.py

All four modalities, every corruption that their plugins offer, five severities; then trainings on
wrong labels, without a modality, with concepts absent from one modality, and on unbalanced rows.
This is `spaner robustness`, run in the space that the commands of `spaner demo` make; `--curves
FOLDER` keeps its pictures. Differences are paired by seed. Each training takes as long as that of
the whole space.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from datasets import configure
from page import as_section
from spaner.demo.dataset import write_dataset
from spaner.experiments.robustness.report import measure_robustness, write_report
from spaner.project import Project
from spaner.training.train import train


def main() -> None:
    """Make the space, measure it and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="short trainings of one seed alone")
    parser.add_argument("--curves", type=Path, help="a folder that the curves are copied to")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder)
        project = Project(configure(folder, quick=given.quick))
        train(project)
        seeds = 1 if given.quick else given.seeds
        report = measure_robustness(project, inputs=not given.quick, seeds=seeds)
        if given.curves and not given.quick:
            write_report(report, folder / "report", overwrite=False)
            given.curves.mkdir(parents=True, exist_ok=True)
            for picture in sorted((folder / "report").glob("*.png")):
                shutil.copyfile(picture, given.curves / picture.name)
    notes = [f"- {notice}" for notice in report.notices]
    sys.stdout.write("\n".join([*map(as_section, report.tables), *notes]) + "\n")


if __name__ == "__main__":
    main()
