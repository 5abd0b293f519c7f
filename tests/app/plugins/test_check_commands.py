"""`spaner plugins check`, on plugins that are fine, broken, or a danger."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spaner.plugins.new.scaffold import write_plugin
from spaner_core.conformance import RULES

from tests import process
from tests.app.plugin_site import CRASHES, PluginSite
from tests.light_plugin import SOURCE as FINE

Result = subprocess.CompletedProcess[str]


@pytest.fixture
def site(tmp_path: Path) -> PluginSite:
    return PluginSite(tmp_path / "site")


def test_check_tells_every_rule_and_what_was_found(site: PluginSite, tmp_path: Path) -> None:
    made = write_plugin("thermal", tmp_path)
    (site.folder / "spaner_thermal").symlink_to(made / "spaner_thermal")
    site.declare("thermal", "spaner_thermal")
    result = site.spaner("plugins", "check", "thermal", "--json", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert [rule["rule"] for rule in told] == ["check_opens", *(rule.__name__ for rule in RULES)]
    assert all(rule["passed"] is True and rule["asks"] and rule["remark"] for rule in told)


def test_one_rule_is_tried_alone(site: PluginSite, tmp_path: Path) -> None:
    site.add("toy", FINE.replace("NAME", "toy"))
    kept = site.spaner("plugins", "check", "toy", "--rule", "check_opens", cwd=tmp_path)
    assert (kept.returncode, kept.stderr) == (0, "")
    assert kept.stdout.splitlines()[-1] == "plugin 'toy' keeps check_opens"
    broken = site.spaner("plugins", "check", "toy", "--rule", "frozen", cwd=tmp_path)
    assert broken.returncode == 2, "nothing is frozen where nothing can be built"
    assert "check_frozen: Nothing in the encoder can train" in broken.stdout
    unknown = site.spaner("plugins", "check", "toy", "--rule", "frosen", cwd=tmp_path)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "--rule: unknown rule 'frosen'; did you mean 'frozen'?" in unknown.stderr


def broken_rules(result: Result) -> list[dict[str, Any]]:
    assert result.returncode == 2, result.stderr
    told: list[dict[str, Any]] = json.loads(result.stdout)
    places = [rule["passed"] for rule in told]
    assert places == sorted(places), "broken rules come first"
    broken = [rule for rule in told if not rule["passed"]]
    assert f"breaks {len(broken)} of the {len(told)} rules" in result.stderr
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    return broken


def dying(site: PluginSite, folder: Path, ending: str) -> None:
    """Install a plugin whose process ends where it encodes."""
    made = write_plugin("thermal", folder)
    encoder = made / "spaner_thermal/encoder.py"
    calls = f"        import os\n        {ending}\n        return torch.stack(list(inputs))"
    source = encoder.read_text(encoding="utf-8")
    encoder.write_text(source.replace("        return torch.stack(list(inputs))", calls), "utf-8")
    (site.folder / "spaner_thermal").symlink_to(made / "spaner_thermal")
    site.declare("thermal", "spaner_thermal")


def test_the_rule_at_which_the_process_died_is_the_broken_one(
    site: PluginSite, tmp_path: Path
) -> None:
    dying(site, tmp_path, "os._exit(0)")
    (broken,) = broken_rules(site.spaner("plugins", "check", "thermal", "--json", cwd=tmp_path))
    assert broken["rule"] == "check_examples", "the first rule that encodes anything"
    assert broken["asks"]
    assert "ended with exit code 0" in broken["remark"]
    assert "at spaner_thermal/encoder.py, line " in broken["remark"]
    assert "the last input it read was synthetic-right.csv" in broken["remark"]


def test_a_broken_rule_is_told_of_below_the_table(site: PluginSite, tmp_path: Path) -> None:
    dying(site, tmp_path, "os.kill(os.getpid(), 11)")
    result = site.spaner("plugins", "check", "thermal", cwd=tmp_path)
    assert result.returncode == 2
    assert "see below" in result.stdout
    assert re.search(r"^check_examples: \S.+\n  .*SIGSEGV", result.stdout, re.MULTILINE)


def test_the_traceback_of_what_a_plugin_raises_is_to_be_had(
    site: PluginSite, tmp_path: Path
) -> None:
    dying(site, tmp_path, "raise KeyError('hr')")
    check = ("plugins", "check", "thermal", "--rule", "feature_spec")
    broken, _ = json.loads(site.spaner(*check, "--json", cwd=tmp_path).stdout)
    assert re.search(r"spaner_thermal/encoder.py, line \d+ raised KeyError: 'hr'", broken["remark"])
    assert "\n    raise KeyError('hr')\n" in broken["trace"]
    told = process.spaner(
        *check, cwd=tmp_path, path=[site.folder], variables={"SPANER_LOG_LEVEL": "debug"}
    )
    assert "\n    raise KeyError('hr')\n" in told.stderr
    assert "Traceback" not in told.stdout


def test_a_process_that_ends_well_between_two_rules_is_noticed(
    site: PluginSite, tmp_path: Path
) -> None:
    ending = """
import json, os

def dumps(value, *, own=json.dumps):
    if isinstance(value, list) and value[0]["rule"] == "check_description":
        os._exit(0)
    return own(value)

json.dumps = dumps
"""
    site.add("toy", FINE.replace("NAME", "toy") + ending)
    (broken,) = broken_rules(site.spaner("plugins", "check", "toy", "--json", cwd=tmp_path))
    assert broken["rule"] == "check_hooks", "the last rule that was told of"
    assert "ended with exit code 0 before it had finished" in broken["remark"]


def test_what_cannot_be_tried_without_examples_is_not_counted_as_broken(
    site: PluginSite, tmp_path: Path
) -> None:
    made = write_plugin("thermal", tmp_path)
    hooks = made / "spaner_thermal/__init__.py"
    kept, _, _ = hooks.read_text(encoding="utf-8").rpartition("@hookimpl")
    hooks.write_text(kept, encoding="utf-8")
    (site.folder / "spaner_thermal").symlink_to(made / "spaner_thermal")
    site.declare("thermal", "spaner_thermal")

    result = site.spaner("plugins", "check", "thermal", "--json", cwd=tmp_path)
    assert result.returncode == 2
    told = json.loads(result.stdout)
    assert [rule["rule"] for rule in told if rule["passed"] is False] == ["check_examples"]
    kept_rules = [rule["rule"] for rule in told if rule["passed"]]
    assert kept_rules[:2] == ["check_opens", "check_hooks"]
    assert len(told) == len(RULES) + 1
    assert f"breaks 1 of the {len(kept_rules) + 1} rules that were tried" in result.stderr
    assert "begin with check_examples: There are at least three" in result.stderr
    table = site.spaner("plugins", "check", "thermal", cwd=tmp_path).stdout
    (line,) = [line for line in table.splitlines() if line.startswith("not tried")]
    assert f": {sum(rule['passed'] is None for rule in told)} rules" in line
    assert table.count("check_") == 2, "one rule is told of below the table, after its heading"


@pytest.mark.parametrize(
    ("source", "limit", "told"),
    [
        ("raise RuntimeError('out of order')", (), "out of order"),
        (CRASHES, (), "SIGSEGV"),
        ("import os; os._exit(0)", (), "ended with exit code 0"),
        ("import time; time.sleep(600)", ("--time-limit", 4), "took longer than 4 s"),
    ],
)
def test_a_plugin_that_cannot_be_opened_breaks_a_rule_too(
    source: str, limit: tuple[object, ...], told: str, site: PluginSite, tmp_path: Path
) -> None:
    site.add("toy", source)
    (broken,) = broken_rules(site.spaner("plugins", "check", "toy", "--json", *limit, cwd=tmp_path))
    assert broken["rule"] == "check_opens"
    assert told in broken["remark"]


def test_what_may_not_be_loaded_is_not_checked(
    site: PluginSite, project: Path, refuses: Callable[..., str]
) -> None:
    refuses("plugins", "check", "nothing", cwd=project, says=("no plugin 'nothing'",))
    site.add("stranger", CRASHES)
    site.add("toy", CRASHES)
    site.add("toy", CRASHES, distribution="other-toy")
    twice = site.spaner("plugins", "check", "toy", cwd=project)
    assert (twice.returncode, twice.stdout) == (2, "")
    assert "other-toy 0.1.0" in twice.stderr
    with (project / "plugins.yaml").open("a", encoding="utf-8") as file:
        file.write("policy: {allow: [spaner-text]}\n")
    refused = site.spaner("plugins", "check", "stranger", cwd=project)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "policy.allow" in refused.stderr
