"""A plugin that ends the program as it reads an input leaves nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

from tests.app.plugin_site import PluginSite

TOY = (Path(__file__).parents[1] / "toy_modality.py").read_text(encoding="utf-8")
LEAVES = TOY.replace(
    "    def decode(self, source: Path | str | Content) -> list[Window]:\n",
    "    def decode(self, source: Path | str | Content) -> list[Window]:\n"
    "        if source == '3 0 0':\n"
    "            __import__('os')._exit(0)\n",
)


def test_what_was_extracted_before_is_whole_and_the_mended_plugin_goes_on(tmp_path: Path) -> None:
    site = PluginSite(tmp_path / "site")
    site.add("toy", LEAVES)
    project = tmp_path / "project"
    project.mkdir()
    rows = [f"toy,{number} 0 0,one" for number in range(1, 6)]
    (project / "manifest.csv").write_text("\n".join(["modality,input,concept", *rows]), "utf-8")
    (project / "plugins.yaml").write_text(
        "space: space\ndata: {manifest: manifest.csv}\nmodalities:\n  toy: {}\n", encoding="utf-8"
    )

    left = site.spaner("extract", "toy", cwd=project)
    assert (left.returncode, left.stdout) == (0, ""), "nobody can catch os._exit"
    module = next(site.folder.glob("plugin_*.py"))
    module.write_text(TOY, encoding="utf-8")
    went_on = site.spaner("extract", "toy", "--json", cwd=project)
    assert went_on.returncode == 0, went_on.stderr
    (report,) = json.loads(went_on.stdout)["modalities"]
    assert (report["rows"], report["extracted"] + report["reused"]) == (5, 5)
    again = site.spaner("extract", "toy", "--json", cwd=project)
    (report,) = json.loads(again.stdout)["modalities"]
    assert report["reused"] == 5
