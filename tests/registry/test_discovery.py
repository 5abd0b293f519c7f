from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from spaner_core import ENTRY_POINT_GROUP
from spaner_registry.config.settings import read_config
from spaner_registry.plugins.discovery import GROUP, LOAD_PLUGINS, discover

Install = Callable[..., Path]


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


def test_a_record_left_over_without_entry_points_hides_nothing(
    install_plugin: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("toy", distribution="spaner-toy", version="1.0")
    stale = tmp_path / "earlier" / "spaner_toy-0.9.dist-info"
    stale.mkdir(parents=True)
    (stale / "METADATA").write_text("Metadata-Version: 2.1\nName: spaner-toy\nVersion: 0.9\n")
    monkeypatch.syspath_prepend(str(stale.parent))
    found = discover()["toy"]
    assert (found.version, found.problem) == ("1.0", None)


@pytest.mark.parametrize("whole", ["1.0", "1.1"])
def test_of_two_records_in_one_folder_the_one_that_lists_its_files_is_taken_and_both_are_named(
    install_plugin: Install, caplog: pytest.LogCaptureFixture, whole: str
) -> None:
    root = install_plugin("toy", distribution="spaner-toy", version="1.0")
    other = root / "spaner_toy-1.1.dist-info"
    shutil.copytree(root / "spaner_toy-1.0.dist-info", other)
    metadata = (other / "METADATA").read_text()
    (other / "METADATA").write_text(metadata.replace("Version: 1.0", "Version: 1.1"))
    (root / f"spaner_toy-{whole}.dist-info" / "RECORD").write_text("")
    found = discover()["toy"]
    assert (found.version, found.problem) == (whole, None)
    assert {"1.0", "1.1", str(root)} <= set(re.split(r"[\s,;]+", caplog.text))


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


@pytest.mark.parametrize(
    ("metadata", "origin"),
    [
        (b"", "(unknown distribution) (unknown version)"),
        (b"Name: caf\xe9\nVersion: 1\n", "(unknown distribution) (unknown version)"),
        (b"Name: \nVersion: \n", "(unknown distribution) (unknown version)"),
        (b"Name: spaner-broken\n", "spaner-broken (unknown version)"),
        (b"Name: spaner-broken\n  folded\nVersion: 1\n", "spaner-broken folded 1"),
        (b"\x00\xff\xfe", "(unknown distribution) (unknown version)"),
    ],
    ids=["absent", "not UTF-8", "empty", "no version", "folded", "binary"],
)
def test_damaged_metadata_does_not_hide_the_rest(
    install_plugin: Install, metadata: bytes, origin: str
) -> None:
    install_plugin("toy")
    install_plugin("broken", metadata=metadata)
    found = discover()
    assert found["broken"].origin == origin
    assert found["toy"].problem is None


@pytest.mark.parametrize(
    "declared",
    [b"[spaner]\nbroken\n", b"[spaner]\nbroken = caf\xe9\n", b"\xff\xfe[\x00"],
    ids=["no value", "not UTF-8", "UTF-16"],
)
def test_damaged_entry_points_hide_that_distribution_alone_and_are_told(
    install_plugin: Install, declared: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    install_plugin("toy")
    install_plugin("broken", version="3.1", entry_points=declared)
    found = discover()
    assert found["toy"].problem is None
    assert "broken" not in found
    assert "entry points of spaner-broken 3.1 cannot be read" in caplog.text


@pytest.mark.parametrize(
    "name", ["../x", "A b", "Toy", "", "-toy", "_toy", "toy.sub", "/tmp", "tøy", "toy/", "."]
)
def test_a_name_that_plugins_yaml_could_not_hold_is_a_problem(
    install_plugin: Install, name: str
) -> None:
    install_plugin("toy")
    install_plugin("odd", entry_points=f"[spaner]\n{name} = plugin_spaner_odd\n".encode())
    found = discover()
    problem = found[name].problem or ""
    assert f"spaner-odd 0.1.0 calls it {name!r}; expected a plugin's name in lower-case" in problem
    assert found["toy"].problem is None


@pytest.mark.parametrize("name", ["toy", "a", "3d", "near-infrared", "lidar_2"])
def test_discovery_and_plugins_yaml_agree_on_names(
    install_plugin: Install, tmp_path: Path, name: str
) -> None:
    install_plugin("odd", entry_points=f"[spaner]\n{name} = plugin_spaner_odd\n".encode())
    assert discover()[name].problem is None
    path = tmp_path / "plugins.yaml"
    path.write_text(f"space: s\ndata: {{manifest: m.csv}}\nmodalities: {{{name}: }}\n")
    assert list(read_config(path).modalities) == [name]


@pytest.mark.parametrize(
    "value", ["a b c:", ":x", "", "a:", "a..b", ".a", "a:b:c", "1a", "a-b", "a;"]
)
def test_a_malformed_target_is_a_problem(install_plugin: Install, value: str) -> None:
    install_plugin("odd", entry_points=f"[spaner]\nodd = {value}\n".encode())
    problem = discover()["odd"].problem or ""
    assert f"spaner-odd 0.1.0 declares it as {value!r}; expected a module" in problem


@pytest.mark.parametrize("value", ["a", "a.b_2", "a.b:c", "a : c.d", "a:b [extra]", "a[x,y]"])
def test_a_target_as_packaging_writes_it_is_none(install_plugin: Install, value: str) -> None:
    install_plugin("odd", entry_points=f"[spaner]\nodd = {value}\n".encode())
    assert discover()["odd"].problem is None


def test_two_lines_of_one_distribution_are_told_apart_from_two_distributions(
    install_plugin: Install,
) -> None:
    install_plugin("twin", entry_points=b"[spaner]\ntwin = one\ntwin = two\n")
    install_plugin("same", entry_points=b"[spaner]\nsame = one\nsame = one\n")
    found = discover()
    problem = found["twin"].problem or ""
    assert "declared 2 times, by spaner-twin 0.1.0; expected one; update spaner-twin" in problem
    assert found["same"].problem is None


def test_two_distributions_that_lost_their_names_are_not_taken_for_one(
    install_plugin: Install,
) -> None:
    install_plugin("first", metadata=b"")
    install_plugin("second", metadata=b"")
    assert {"first", "second"} <= set(discover())


def test_an_editable_twin_counts_once(install_plugin: Install) -> None:
    root = install_plugin("toy", distribution="Spaner_Toy", version="1.0")
    link = root / "spaner_toy.egg-info"  # beside the sources, with the name written otherwise
    link.mkdir()
    (link / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: spaner.Toy\nVersion: 1.1\n")
    (link / "entry_points.txt").write_text("[spaner]\ntoy = plugin_Spaner_Toy\n")
    assert discover()["toy"].problem is None


def test_paths_that_lead_nowhere_are_passed_over(
    install_plugin: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("toy")
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "empty-1.0.dist-info").mkdir()
    (tmp_path / "file-1.0.dist-info").write_text("")
    for path in (tmp_path, tmp_path / "cut.zip", tmp_path / "absent"):
        monkeypatch.syspath_prepend(str(path))
    assert discover()["toy"].problem is None


def test_an_empty_name_is_not_what_an_empty_variable_names(
    install_plugin: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("odd", entry_points=b"[spaner]\n = plugin_spaner_odd\n")
    monkeypatch.setenv(LOAD_PLUGINS, "")
    assert "calls it ''" in (discover()[""].problem or "")


def test_discovery_imports_nothing_heavy_and_no_plugin(install_plugin: Install) -> None:
    root = install_plugin("toy", target="plugin_never_imported")
    code = (
        "import json, sys\n"
        "from spaner_registry.plugins.discovery import discover\n"
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
