from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from spaner_core import ENTRY_POINT_GROUP
from spaner_registry.discovery import GROUP, LOAD_PLUGINS, discover

Install = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_restriction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LOAD_PLUGINS, raising=False)


def test_the_group_is_the_contracts() -> None:
    assert GROUP == ENTRY_POINT_GROUP


def test_finds_name_distribution_and_version(install_plugin: Install) -> None:
    install_plugin("toy", distribution="spaner-toy", version="1.2.3")
    found = discover()["toy"]
    assert (found.distribution, found.version, found.problem) == ("spaner-toy", "1.2.3", None)


def test_two_distributions_of_one_name_are_kept_with_both_named(install_plugin: Install) -> None:
    install_plugin("toy", distribution="spaner-toy", version="1.0")
    install_plugin("toy", distribution="other-toy", version="2.0")
    install_plugin("sound", distribution="spaner-sound")
    found = discover()
    problem = found["toy"].problem or ""
    assert "spaner-toy 1.0" in problem
    assert "other-toy 2.0" in problem
    assert "policy.allow" in problem
    assert found["sound"].problem is None


def test_policy_settles_a_name_declared_twice(install_plugin: Install) -> None:
    install_plugin("toy", distribution="spaner-toy", version="1.0")
    install_plugin("toy", distribution="other-toy", version="2.0")
    found = discover(["spaner-toy"])["toy"]
    assert (found.distribution, found.problem) == ("spaner-toy", None)


def test_one_distribution_on_the_path_twice_is_the_first(install_plugin: Install) -> None:
    install_plugin("toy", distribution="spaner-toy", version="1.0")
    install_plugin("toy", distribution="spaner-toy", version="2.0")  # prepended: first now
    found = discover()["toy"]
    assert (found.version, found.problem) == ("2.0", None)


@pytest.mark.parametrize("allowed", ["spaner-toy", "Spaner_Toy", "spaner.toy", "SPANER--TOY"])
def test_allow_compares_names_as_pep_503(install_plugin: Install, allowed: str) -> None:
    install_plugin("toy", distribution="spaner-toy")
    assert discover([allowed])["toy"].problem is None


@pytest.mark.parametrize("allow", [[], ["spaner-text"], ["toy"]])
def test_what_policy_does_not_allow_is_listed_and_refused(
    install_plugin: Install, allow: list[str]
) -> None:
    install_plugin("toy", distribution="spaner-toy")
    problem = discover(allow)["toy"].problem or ""
    assert "spaner-toy is not in policy.allow" in problem


@pytest.mark.parametrize(
    ("value", "usable"), [("toy", True), (" sound , toy ", True), ("sound", False), ("", False)]
)
def test_environment_restricts_names(
    install_plugin: Install, monkeypatch: pytest.MonkeyPatch, value: str, usable: bool
) -> None:
    install_plugin("toy")
    monkeypatch.setenv(LOAD_PLUGINS, value)
    problem = discover()["toy"].problem
    assert (problem is None) is usable
    assert usable or (problem is not None and "SPANER_LOAD_PLUGINS" in problem)


def test_damaged_metadata_does_not_hide_the_rest(install_plugin: Install) -> None:
    install_plugin("broken", metadata=False)
    install_plugin("toy")
    found = discover()
    assert found["broken"].distribution == "(unknown distribution)"
    assert found["toy"].problem is None


def test_discovery_imports_nothing_heavy_and_no_plugin(install_plugin: Install) -> None:
    root = install_plugin("toy", target="plugin_never_imported")
    code = (
        "import json, sys\n"
        "from spaner_registry.discovery import discover\n"
        "names = list(discover())\n"
        "print(json.dumps([names, sorted(sys.modules)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    names, modules = json.loads(done.stdout)
    assert "toy" in names
    heavy = {"torch", "pydantic", "yaml", "numpy", "spaner_core", "plugin_never_imported"}
    assert not heavy & set(modules)
