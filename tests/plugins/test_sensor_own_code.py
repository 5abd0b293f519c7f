"""A model that brings code of its own runs where the user trusts it, and nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

CODE = """
import torch
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

class OwnConfig(PreTrainedConfig):
    model_type = "own_series"
    context_length: int = 16
    num_input_channels: int = 3
    hidden_size: int = 4

class OwnModel(PreTrainedModel):
    config_class = OwnConfig
    main_input_name = "past_values"

    def __init__(self, config):
        super().__init__(config)
        self.project = torch.nn.Linear(4, config.hidden_size)
        self.post_init()

    def forward(self, past_values):
        patches = past_values.transpose(1, 2).unflatten(2, (-1, 4))
        return BaseModelOutput(last_hidden_state=self.project(patches))
"""

BUILD = """
import json, sys
import torch
from spaner_core import ConfigError
from spaner_sensor import spaner_build_encoder
options = json.loads(sys.argv[1])
try:
    encoder = spaner_build_encoder(options)
except ConfigError as error:
    print(f"refused: {error}")
else:
    print(tuple(encoder(torch.zeros(2, 3, 16))[0].shape))
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "own.py").write_text(CODE)
    classes = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
    (folder / "config.json").write_text(
        json.dumps({"model_type": "own_series", "auto_map": classes})
    )
    weights = {"project.weight": torch.ones(4, 4), "project.bias": torch.zeros(4)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def build(model: Path, **changed: object) -> str:
    """Build the encoder in a process whose copies of foreign code stay in the test's folder."""
    options = {
        "model": str(model),
        "channels": ["x", "y", "z"],
        "sample_rate_hz": 8.0,
        **changed,
    }
    done = subprocess.run(
        [sys.executable, "-c", BUILD, json.dumps(options)],
        env={**os.environ, "HF_MODULES_CACHE": str(model.parent / "modules")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_code_runs_when_it_is_trusted(model: Path) -> None:
    assert build(model, trust_remote_code=True) == "(2, 4, 12)\n"


def test_its_code_does_not_run_unless_it_is_trusted(model: Path) -> None:
    (model / "own.py").write_text("raise SystemExit('ran')")
    assert build(model).startswith("refused: model")
