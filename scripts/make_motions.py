"""Convert BasicMotions from its two .ts files to the Parquet file of the embedded data.

    python scripts/make_motions.py FOLDER_OR_ZIP [--output FILE]

The folder, or the zip file (a wheel is one), holds BasicMotions_TRAIN.ts and BasicMotions_TEST.ts;
the wheel of the package aeon bundles both. Run again, it writes the same bytes.
"""

from __future__ import annotations

import argparse
import logging
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
STEPS = 100
VALIDATION_A_CLASS = 2
"""The last this many of each class in the official TRAIN file, in file order."""

DEFAULT_OUTPUT = Path(__file__).parents[1] / "app" / "spaner" / "demo" / "data" / "motions.parquet"

logger = logging.getLogger("make_motions")


@dataclass(frozen=True)
class Series:
    """One recording: its activity and values (steps, channels)."""

    activity: str
    values: np.ndarray[Any, np.dtype[np.float32]]


def read_source(source: Path, part: str) -> str:
    """Read the text of BasicMotions_<part>.ts from a folder or a zip file."""
    wanted = f"BasicMotions_{part}.ts"
    if source.is_dir():
        found = sorted(source.rglob(wanted))
        if found:
            return found[0].read_text(encoding="utf-8")
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for name in archive.namelist():
                if name.rpartition("/")[2] == wanted:
                    return archive.read(name).decode("utf-8")
    raise SystemExit(
        f"{source} holds no {wanted}; expected a folder or a zip file with it; "
        "give the folder of the .ts files or the wheel of aeon"
    )


def parse_ts(text: str) -> Iterator[Series]:
    """Read the lines after @data: channels end in colons, commas part values, the class is last."""
    _, marker, data = text.partition("@data")
    if not marker:
        raise SystemExit("the .ts text has no @data line; expected one; give the original file")
    for line in data.split():
        *channels, activity = line.split(":")
        values = np.array(
            [[float(value) for value in channel.split(",")] for channel in channels],
            dtype=np.float32,
        )
        if values.shape != (len(CHANNELS), STEPS):
            raise SystemExit(
                f"a series has {values.shape} values; expected {(len(CHANNELS), STEPS)}; "
                "give the original BasicMotions files"
            )
        yield Series(activity.lower(), values.T)


def split_train(official: Sequence[Series]) -> tuple[list[Series], list[Series]]:
    """Part the official TRAIN series into ours for training and for validation."""
    train: list[Series] = []
    validation: list[Series] = []
    for activity in dict.fromkeys(series.activity for series in official):
        same = [series for series in official if series.activity == activity]
        train += same[:-VALIDATION_A_CLASS]
        validation += same[-VALIDATION_A_CLASS:]
    return train, validation


def to_table(splits: dict[str, list[Series]]) -> pa.Table:
    """Give one row a step of a series."""
    columns: dict[str, list[Any]] = {"series": [], "split": [], "activity": [], "step": []}
    values = []
    for split, recordings in splits.items():
        for number, series in enumerate(recordings):
            columns["series"] += [f"{split}-{number:02d}"] * STEPS
            columns["split"] += [split] * STEPS
            columns["activity"] += [series.activity] * STEPS
            columns["step"] += range(STEPS)
            values.append(series.values)
    stacked = np.concatenate(values)
    arrays = {name: pa.array(column) for name, column in columns.items()}
    arrays["step"] = pa.array(columns["step"], type=pa.int16())
    arrays |= {name: pa.array(stacked[:, place]) for place, name in enumerate(CHANNELS)}
    return pa.table(arrays)


def convert(source: Path, output: Path) -> int:
    """Write `output` and return the number of series in it."""
    train, validation = split_train(list(parse_ts(read_source(source, "TRAIN"))))
    test = list(parse_ts(read_source(source, "TEST")))
    table = to_table({"train": train, "validation": validation, "test": test})
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial")
    pq.write_table(table, partial, compression="zstd")
    partial.replace(output)
    return len(train) + len(validation) + len(test)


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description="Convert BasicMotions to one Parquet file.")
    parser.add_argument("source", type=Path, help="folder or zip file (aeon's wheel) with the .ts")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    count = convert(arguments.source, arguments.output)
    logger.info("wrote %d series to %s", count, arguments.output)


if __name__ == "__main__":
    main()
