"""What tests of extraction share: a project with a plugin of its own, and looks at its store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pyarrow import ipc

from tests.app.plugin_site import PluginSite
from tests.process import Process, start

TOY = (Path(__file__).parents[1] / "toy_modality.py").read_text(encoding="utf-8")
STORE = "manifest.features"


class ToyProject:
    """A project whose one modality is the toy, its inputs written as texts into the manifest.

    Its store is `kept` beside its folder, which it may share with another project.
    """

    def __init__(self, folder: Path, site: PluginSite, inputs: Sequence[str]) -> None:
        self.folder, self.site = folder, site
        self.store = folder.parent / "kept"
        folder.mkdir()
        self.configure()
        self.write(inputs)

    def configure(self, **features: str) -> None:
        content = {
            "space": "space",
            "data": {"manifest": "manifest.csv"},
            "features": {"store": str(self.store), **features},
            "modalities": {"toy": {}},
            "prompt": {"dim": 8},
            "training": {"max_steps": 2, "warmup_steps": 1},
        }
        text = yaml.safe_dump(content, sort_keys=False)
        (self.folder / "plugins.yaml").write_text(text, encoding="utf-8")

    def write(self, inputs: Sequence[str]) -> None:
        """Write a manifest of these inputs, of two concepts in turn."""
        rows = [f'toy,"{given}",{"ab"[n % 2]}\n' for n, given in enumerate(inputs)]
        text = "".join(["modality,input,concept\n", *rows])
        (self.folder / "manifest.csv").write_text(text, encoding="utf-8")

    def spaner(self, *arguments: object) -> Any:
        return self.site.spaner(*arguments, cwd=self.folder)

    def start(self, *arguments: str, **how: Any) -> Process:
        """Start a command that works beside the test."""
        return start(*arguments, cwd=self.folder, path=[self.site.folder], **how)

    def counts(self, *arguments: object) -> dict[str, int]:
        """Extract; return rows, extracted, reused, quarantined."""
        done = self.spaner("extract", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return counts(done.stdout)["toy"]


def counts(report: str) -> dict[str, dict[str, int]]:
    """Rows of each modality in what `spaner extract --json` prints, which must add up."""
    found = {}
    for modality in json.loads(report)["modalities"]:
        names = ("rows", "extracted", "reused", "quarantined")
        found[modality["name"]] = {name: modality[name] for name in names}
        assert sum(modality[name] for name in names[1:]) == modality["rows"]
    return found


def rows_kept(store: Path) -> list[str]:
    """Keys of all rows in a store, each behind the stream that it is in."""
    found = []
    for path in store.glob("*/*.arrow"):
        with ipc.open_file(path) as reader:
            found += [f"{path.parent.name}/{key}" for key in reader.read_all()["key"].to_pylist()]
    return sorted(found)


def refused(done: Any, *says: str) -> None:
    """Check that a command ended with one clear line."""
    told = f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 2, told
    assert done.stdout == "", told
    lines = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1, told
    assert lines[0].startswith("error: "), told
    for part in says:
        assert part in lines[0], told
