"""Training reads features as it goes and holds few of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from spaner_core.features.encoding import EncodedSample
from spaner_core.features.stream import FeatureStream

from tests.core.features.stored_samples import identity, key
from tests.core.training.streamed_training import WIDTH

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
FILES, ROWS, TOKENS = 48, 256, 64
ALLOWED_BYTES = 500 * 2**20


def write_store(folder: Path) -> int:
    """Write synthetic features, a file at a time; return their size in bytes."""
    stream = FeatureStream(folder, identity(dim=WIDTH))
    values, mask = torch.randn(ROWS, TOKENS, WIDTH), torch.ones(TOKENS, dtype=torch.bool)
    with stream.writing():
        for number in range(FILES):
            batch = {
                key(f"{number}-{row}"): EncodedSample(tokens, mask)
                for row, tokens in enumerate(values.roll(number, 0))
            }
            stream.write(list(batch), batch)
    return sum(file.path.stat().st_size for file in stream.files)


def test_a_training_grows_by_a_fraction_of_the_features_that_it_reads(tmp_path: Path) -> None:
    size = write_store(tmp_path / "store")
    assert size > 3 * ALLOWED_BYTES
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.training.streamed_training", str(tmp_path / "store")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < ALLOWED_BYTES
