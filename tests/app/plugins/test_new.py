"""`spaner plugins new`: what it writes works, is clean, and nothing is half-written or replaced."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from spaner.plugins.new.scaffold import write_plugin
from spaner_core import ConfigError, OutputExists, Transform, UnusableInput

from tests.app.plugin_site import PluginSite

ROOT = Path(__file__).parents[3]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def thermal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin as it was generated; not to be changed."""
    return write_plugin("thermal", tmp_path_factory.mktemp("generated"))


@pytest.fixture
def transform(thermal: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Transform]:
    """What the generated plugin reads files with, imported for one test only."""
    monkeypatch.syspath_prepend(str(thermal))
    plugin = import_module("spaner_thermal")
    yield plugin.spaner_build_transform(options={})
    for name in [name for name in sys.modules if name.split(".")[0] == "spaner_thermal"]:
        del sys.modules[name]


def check(*command: object, cwd: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_is_whole_and_names_itself_everywhere(thermal: Path) -> None:
    files = {path.relative_to(thermal).as_posix() for path in thermal.rglob("*") if path.is_file()}
    modules = ("__init__", "options", "transform", "encoder", "examples")
    assert files == {
        *("pyproject.toml", "README.md", "LICENSE", ".gitignore", "tests/test_conformance.py"),
        *(f"spaner_thermal/{module}.py" for module in modules),
        "spaner_thermal/py.typed",
    }
    texts = [(thermal / name).read_text(encoding="utf-8") for name in files]
    assert not any("NAME" in text or "BOUNDS" in text for text in texts)
    (spaner,) = tomllib.loads((thermal / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "dependencies"
    ][:1]
    assert Requirement(spaner).specifier.contains(version("spaner"))
    assert not Requirement(spaner).specifier.contains("99")
    numbers = [f"YOURS {number} of 5" for number in range(1, 6)]
    assert all(sum(number in text for text in texts) == 1 for number in numbers)


@pytest.mark.parametrize("name", ["x", "thermal", "a_name_of_forty_letters_is_long_enough_4"])
def test_the_plugin_is_clean_whatever_its_name(name: str, tmp_path: Path) -> None:
    made = write_plugin(name, tmp_path)
    for rules in ((), ("--config", ROOT / "pyproject.toml")):
        check("ruff", "check", "--no-cache", *rules, ".", cwd=made)
        check("ruff", "format", "--check", "--no-cache", *rules, ".", cwd=made)


@pytest.mark.slow
def test_the_plugin_is_typed(thermal: Path, tmp_path: Path) -> None:
    check("mypy", "--cache-dir", tmp_path, cwd=thermal)


def test_the_plugins_own_tests_and_the_check_pass(thermal: Path, tmp_path: Path) -> None:
    site = PluginSite(tmp_path / "site")
    (site.folder / "spaner_thermal").symlink_to(thermal / "spaner_thermal")
    site.declare("thermal", "spaner_thermal")

    pytest_main = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    tests = site.python(pytest_main, "-q", "-p", "no:cacheprovider", thermal, cwd=tmp_path)
    assert tests.returncode == 0, tests.stdout
    checked = site.spaner("plugins", "check", "thermal", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"1,2\n3\n", "1, 2 numbers"),
        (b"\n\n", "no numbers"),
        (b"1,nan\n2,3\n", "NaN"),
        (b"1,1e400\n2,3\n", "infinite"),
        (b"1,1e39\n2,3\n", "infinite"),
        (b"a,b\n1,2\n", "'a'"),
        (b"\xff\xfe", "utf-8"),
    ],
)
def test_the_generated_transform_says_what_is_wrong_with_a_file(
    content: bytes, told: str, transform: Transform, tmp_path: Path
) -> None:
    path = tmp_path / "grid.csv"
    path.write_bytes(content)
    with pytest.raises(UnusableInput) as error:
        transform.decode(path)
    assert told in str(error.value)
    assert "expected" in str(error.value)


def test_the_next_commands_name_the_folder_and_never_a_package(tmp_path: Path, spaner: Run) -> None:
    result = spaner("plugins", "new", "thermal", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    commands = [line.strip() for line in result.stdout.splitlines() if line.startswith("  ")]
    assert commands == ["pip install --editable ./spaner-thermal", "spaner plugins check thermal"]

    result = spaner("plugins", "new", "thermal", "--folder", "my plugins", cwd=tmp_path)
    assert "pip install --editable './my plugins/spaner-thermal'" in result.stdout
    assert (tmp_path / "my plugins/spaner-thermal/pyproject.toml").is_file()


def test_a_folder_that_exists_is_left_as_it_is(tmp_path: Path, refuses: Callable[..., str]) -> None:
    (tmp_path / "spaner-thermal").mkdir()
    (tmp_path / "spaner-thermal/mine.txt").write_text("hours of work")
    refuses("plugins", "new", "thermal", cwd=tmp_path, says=("spaner-thermal exists", "--folder"))
    (tmp_path / "spaner-gone").symlink_to("nowhere")
    with pytest.raises(OutputExists):
        write_plugin("gone", tmp_path)


@pytest.mark.parametrize("folder", ["notes.txt", "notes.txt/deeper"])
def test_a_file_is_no_folder_to_write_to(
    folder: str, tmp_path: Path, refuses: Callable[..., str]
) -> None:
    (tmp_path / "notes.txt").write_text("hours of work")
    says = (f"--folder {folder}: notes.txt is a file; expected a folder",)
    refuses("plugins", "new", "thermal", "--folder", folder, cwd=tmp_path, says=says)


def test_what_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"  # as on a
        "from pathlib import Path\n"  # full disk
        "from spaner.plugins.new.scaffold import write_plugin\n"
        "write_plugin('thermal', Path())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True)
    assert b"File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Thermal", "thermal"),
        ("thermal-cam", "thermal_cam"),
        ("spaner-thermal", "thermal"),
        ("3d", "m3d"),
        ("Wärme bild", "warme_bild"),
        ("a__b_", "a_b"),
        ("../thermal", "thermal"),
        ("x" * 41, "x" * 40),
        ("", "thermal"),
        ("熱", "thermal"),
    ],
)
def test_a_bad_name_is_refused_with_a_good_one(name: str, nearest: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"'{nearest}' would do"):
        write_plugin(name, tmp_path)
    assert write_plugin(nearest, tmp_path).name == f"spaner-{nearest}"


@pytest.mark.parametrize(("name", "taken_by"), [("text", "spaner-text"), ("core", "spaner_core")])
def test_a_name_that_is_taken_is_refused(name: str, taken_by: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=taken_by):
        write_plugin(name, tmp_path)
    assert list(tmp_path.iterdir()) == []
