"""`encode` through a project takes what the store has; the rest is encoded, a bad input told of."""

from __future__ import annotations

import json
from pathlib import Path

from tests.app.feature_projects import TOY, ToyProject
from tests.app.plugin_site import PluginSite

INPUTS = ["1 0 2; 0 1 1", "0 3 1", "2 2 2", "5 1 0; 1 1 1; 0 0 2"]

ASKS = """
import json, sys
import numpy as np
import spaner

def calls():
    module = sys.modules.get("plugin_spaner_toy")
    return list(module.CALLS) if module else []

project = spaner.Project("plugins.yaml")
inputs = [*json.loads(sys.argv[1]), "7 7 7"]
mixed = ["7 7 7", inputs[3], "bad", inputs[0], inputs[3]]
space = project.space
first = space.encode(inputs[:4], modality="toy")
proof = len(calls())
again = space.encode(inputs[:4], modality="toy")
stored = len(calls())
found = space.encode(mixed, modality="toy", errors="skip", batch_size=2)
fresh = calls()[stored:]
try:
    space.encode(mixed, modality="toy")
except spaner.SpanerError as error:
    refused = str(error)
anew = spaner.load("space").encode(mixed[:2] + mixed[3:], modality="toy")
project.export("toy", "toy.parquet")
from pyarrow import parquet
table = parquet.read_table("toy.parquet")
print(json.dumps({
    "proof": proof, "stored": stored, "fresh": fresh, "read": found.read.tolist(),
    "unread": list(found.unread), "refused": refused,
    "again": bool(np.array_equal(first, again)),
    "order": bool(np.allclose(found.embeddings[[2, 1, 3]], first[[0, 3, 3]], atol=1e-6)),
    "off": float(np.abs(found.embeddings - anew).max()),
    "exported": float(np.abs(np.stack(table["embedding"].to_pylist()) - first).max()),
}))
"""


def test_what_the_store_has_is_not_encoded_again(tmp_path: Path) -> None:
    counting = TOY.replace(
        "        import torch\n\n        tokens",
        "        import torch\n\n        CALLS.append(len(batch))\n        tokens",
    ).replace("Window = list", "CALLS: list[int] = []\nWindow = list")
    assert "CALLS.append" in counting
    site = PluginSite(tmp_path / "site")
    site.add("toy", counting)
    project = ToyProject(tmp_path / "project", site, INPUTS)
    done = project.spaner("train", "--quiet")
    assert done.returncode == 0, done.stderr
    asked = site.python(ASKS, json.dumps(INPUTS), cwd=project.folder)
    assert asked.returncode == 0, asked.stderr
    found = json.loads(asked.stdout.splitlines()[-1])
    assert found["proof"] <= 3  # a few stored rows are encoded once, to see that they still hold
    assert found["stored"] == found["proof"]
    assert found["fresh"] == [1]  # what the store has not
    assert (found["read"], found["unread"]) == ([0, 1, 3, 4], [2])
    assert found["refused"].startswith("inputs[2]: 'bad'")
    assert found["again"]
    assert found["order"]
    assert found["off"] < 2e-3
    assert found["exported"] < 1e-6
