"""What no data could fulfil is refused before data are read, or anything heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CONFIG = """
space: nowhere
data: {manifest: missing.csv}
modalities: {text: {}, vision: {}}
policy: {links: {text: [vision]}}
"""
REFUSED = (
    ("attach smell", "'smell'"),
    ("train text smell", "'smell'"),
    ("extract smell", "'smell'"),
    ("extract --again smell", "'smell'"),
    ("few-shot text smell", "'smell'"),
    ("few-shot --shots many", "'many'"),
    ("evaluate text smell", "'smell'"),
    ("evaluate text", "'text'"),
    ("evaluate --map map.jpg", "map.jpg"),
    ("calibrate --false-accept 3", "3.0"),
    ("calibrate --split test", "test"),
    ("tune --split test", "'test'"),
    ("robustness --no-inputs --no-training", "--no-inputs"),
    ("prompt --sample x", "--from"),
    ("prompt --sample x --from smell", "'smell'"),
    ("prompt --sample x --from text --split test", "--split"),
    ("search x --from smell --to text", "'smell'"),
    ("search x --from text --to smell", "'smell'"),
    ("search x --from text --to ,", "no modality was named"),
    ("search x --from vision --to text", "may not find"),
    ("propagate --from smell --to text", "'smell'"),
    ("propagate --from text --to vision", "may not take labels"),
    ("propagate --from vision --to text --min-confidence 2", "min_confidence is 2"),
    ("propagate --from vision --to text --output x.txt", "x.txt"),
)
TRY_ALL = """
import json, sys
from spaner.cli import app
from spaner_core.errors import SpanerError

said = []
for command in json.loads(sys.argv[1]):
    try:
        app(command.split(), prog_name="spaner", standalone_mode=False)
        said.append("")
    except SpanerError as error:
        said.append(str(error))
    heavy = {"torch", "transformers", "numpy"} & sys.modules.keys()
    assert not heavy, (command, heavy)
print(json.dumps(said))
"""


def test_wrong_names_and_options_are_refused_at_once(
    tmp_path: Path, cold_environment: dict[str, str]
) -> None:
    (tmp_path / "plugins.yaml").write_text(CONFIG, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", TRY_ALL, json.dumps([command for command, _ in REFUSED])],
        cwd=tmp_path,
        env=cold_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for (command, word), said in zip(REFUSED, json.loads(done.stdout), strict=True):
        assert word in said, f"{command}: {said}"
        assert len(said.splitlines()) == 1, command
