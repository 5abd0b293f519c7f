"""A stream: every row once, the same files whatever interrupted, foreign features never."""

from __future__ import annotations

import json
import logging
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core.errors import DataError, PluginError
from spaner_core.features.inputs import KeyedInput
from spaner_core.features.store import FeatureStore
from spaner_core.features.stream import FeatureStream
from spaner_core.features.stream_records import BATCH_ROWS, PLAN
from spaner_core.files.replacing import writing_alone
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import nn

from tests.core.features.stored_samples import IDENTITY, filled, identity, key, samples
from tests.toy_modality import ToyEncoder, ToyOptions

ROOT = Path(__file__).parents[3]


def inputs(count: int, *, size: int = 10) -> dict[str, KeyedInput]:
    return {
        key(number): KeyedInput(source=str(number), key=key(number), size_bytes=size, stamp=None)
        for number in range(count)
    }


def planned(stream: FeatureStream, missing: dict[str, KeyedInput]) -> list[list[str]]:
    with stream.writing():
        return stream.plan(missing)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "other",
    [
        {"encoder": "x"},
        {"transform": "x"},
        {"modality": "x"},
        {"dtype": "float32"},
        {"dim": 4},
        {"precision": "bfloat16"},
        {"format_version": 2},
    ],
)
def test_every_part_of_an_identity_makes_another_stream(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    store = FeatureStore(tmp_path)
    given = samples(2, 1)
    filled(tmp_path / IDENTITY.folder, given)
    assert identity(**other).folder != IDENTITY.folder
    assert all(name in store.stream(IDENTITY) for name in given)
    assert not any(name in store.stream(identity(**other)) for name in given)


def test_a_plan_has_every_input_once_in_batches_of_bounded_rows_and_bytes(tmp_path: Path) -> None:
    given = inputs(600) | {
        key(name): KeyedInput(source=name, key=key(name), size_bytes=size, stamp=None)
        for name, size in {"a": 200 * 2**20, "b": 100 * 2**20, "c": 2**40}.items()
    }
    batches = planned(FeatureStream(tmp_path, IDENTITY), given)
    assert sorted(name for batch in batches for name in batch) == sorted(given)
    assert batches[0] == [key("c")]  # the largest first
    assert max(map(len, batches)) == BATCH_ROWS
    total = [sum(given[name].size_bytes for name in batch) for batch in batches]
    assert all(size <= 256 * 2**20 for size in total[1:])


def test_a_plan_does_not_depend_on_the_order_of_the_inputs(tmp_path: Path) -> None:
    given = inputs(600)
    shuffled = random.Random(0).sample(sorted(given.items()), len(given))
    first = planned(FeatureStream(tmp_path / "a", IDENTITY), given)
    second = planned(FeatureStream(tmp_path / "b", IDENTITY), dict(shuffled))
    assert first == second


def test_batches_of_an_interrupted_plan_stay_and_new_inputs_come_after_them(tmp_path: Path) -> None:
    given = inputs(600)
    batches = planned(FeatureStream(tmp_path, IDENTITY), given)
    left = {name: given[name] for batch in batches[1:] for name in batch}
    new = KeyedInput(source="new", key=key("new"), size_bytes=10**6, stamp=None)
    again = planned(FeatureStream(tmp_path, IDENTITY), {new.key: new, **left})
    assert again == [*batches[1:], [new.key]]
    without = {name: g for name, g in left.items() if name != batches[1][0]}
    third = planned(FeatureStream(tmp_path, IDENTITY), without)
    assert third[0] == batches[2]
    assert sorted(name for batch in third for name in batch) == sorted(without)


@pytest.mark.parametrize("content", ["", "[[", "5", "[5]", '{"a": 1}', "[[[]]]", "\udcff", "[]"])
def test_a_damaged_plan_is_made_anew(tmp_path: Path, content: str) -> None:
    given = inputs(3)
    (tmp_path / PLAN).write_bytes(content.encode("utf-8", "surrogateescape"))
    assert planned(FeatureStream(tmp_path, IDENTITY), given) == [sorted(given)]


def test_a_plan_that_was_carried_out_is_forgotten_and_an_open_one_kept(tmp_path: Path) -> None:
    given = samples(1, 2)
    stream = filled(tmp_path, given)
    (tmp_path / PLAN).write_text(json.dumps([list(given), [key("missing")]]), encoding="utf-8")
    stream.settle()
    assert (tmp_path / PLAN).exists()
    (tmp_path / PLAN).write_text(json.dumps([list(given)]), encoding="utf-8")
    stream.settle()
    assert not (tmp_path / PLAN).exists()


def test_writing_first_removes_what_a_killed_process_left_half_written(tmp_path: Path) -> None:
    stream = filled(tmp_path, samples(2))
    before = names(tmp_path)
    (tmp_path / ".plan.json.partial-1").write_text("[", encoding="utf-8")
    (tmp_path / ".0123456789abcdef.arrow.partial-99999999").write_bytes(b"ARROW")
    with stream.writing():
        assert names(tmp_path) == before


def test_one_process_waits_for_the_other_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given, folder = samples(2, 1), tmp_path / IDENTITY.folder
    early = FeatureStream(folder, IDENTITY)
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.core.features.stored_samples import *\n"
        "stream = FeatureStream(Path(sys.argv[1]), IDENTITY)\n"
        "given = samples(2, 1)\n"
        "with stream.writing():\n"
        "    print('alone', flush=True); sys.stdin.readline()\n"
        "    stream.write(list(given), given)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "alone\n"
        waiting = Answering(other)
        with caplog.at_level(logging.WARNING):
            logging.getLogger("spaner_core.files.replacing").addHandler(waiting)
            try:
                with early.writing():
                    assert all(name in early for name in given)
            finally:
                logging.getLogger("spaner_core.files.replacing").removeHandler(waiting)
    assert "waiting for another process" in caplog.text


class Answering(logging.Handler):
    """Lets the other process go on as soon as this one says that it waits."""

    def __init__(self, other: subprocess.Popen[str]) -> None:
        super().__init__()
        self.other = other

    def emit(self, record: logging.LogRecord) -> None:
        assert self.other.stdin is not None
        self.other.stdin.write("go on\n")
        self.other.stdin.flush()


def test_a_row_of_two_files_counts_once(tmp_path: Path) -> None:
    given = samples(2, 1, 3)
    stream = filled(tmp_path, given, dict(list(given.items())[:2]))
    assert len(stream.files) == 2
    again = FeatureStream(tmp_path, IDENTITY)
    assert again.rows(list(given)).load().mask.sum(dim=1).tolist() == [2, 1, 3]


class Drifting(ToyEncoder, nn.Module):
    """Has a weight that a test may change."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        ToyEncoder.__init__(self, ToyOptions())
        self.weight = nn.Parameter(torch.zeros(2))


@pytest.mark.parametrize("stopped_by", [None, DataError("full"), KeyboardInterrupt()])
def test_what_a_changing_encoder_gave_is_taken_back_however_the_work_ended(
    tmp_path: Path, stopped_by: BaseException | None
) -> None:
    encoder = FrozenEncoder(Drifting())
    stream = filled(tmp_path, samples(2))
    before = names(tmp_path)
    later = samples(1, seed=1)

    def work() -> None:
        with stream.proven(encoder):
            stream.write(list(later), later)
            encoder.encoder.weight.data += 1
            if stopped_by is not None:
                raise stopped_by

    with pytest.raises(PluginError, match="changed its own weights"):
        work()
    assert names(tmp_path) == before


@pytest.mark.parametrize("error", [PluginError("NaN"), DataError("full"), KeyboardInterrupt()])
def test_what_a_faithful_encoder_gave_stays_however_the_work_ended(
    tmp_path: Path, error: BaseException
) -> None:
    stream = filled(tmp_path, samples(2))
    later = samples(1, seed=1)

    def work() -> None:
        with stream.proven(FrozenEncoder(Drifting())):
            stream.write(list(later), later)
            raise error

    with pytest.raises(type(error)):
        work()
    again = FeatureStream(tmp_path, IDENTITY)
    assert all(name in again for name in later)


@pytest.mark.parametrize("folder", ["file/stream", "file", "/proc/stream"])
def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    stream = FeatureStream(tmp_path / folder, IDENTITY)
    with pytest.raises(DataError, match=r"features\.store") as caught, stream.writing():
        pass
    assert "\n" not in str(caught.value)


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from spaner_core.files.replacing import writing_alone
with writing_alone(Path({str(tmp_path / "x")!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    with writing_alone(tmp_path / "x"):
        pass
