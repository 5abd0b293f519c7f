"""A stranger's plugin, fresh environments and a space trained elsewhere: nothing of it changes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFIG = """\
space: space
data: {manifest: manifest.csv}
modalities: {thermal: {}}
"""
EMBED = """
import sys
import spaner
space = spaner.load("space")
sys.stdout.buffer.write(space.encode(["a seven", "wir laufen"], modality="text").tobytes())
"""
UNSERVED = """
import json
import spaner
space = spaner.load("space")
said = {}
for name in space.unserved:
    try:
        space.encode("anything", modality=name)
    except spaner.SpanerError as error:
        said[name] = str(error)
print(json.dumps([space.modalities, said]))
"""

pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path) -> str:
    """Run a command that must work, with nothing of this environment around it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**environment, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def embed(python: Path | str, folder: Path) -> bytes:
    return subprocess.run(
        [str(python), "-c", EMBED], cwd=folder, check=True, capture_output=True
    ).stdout


def digests(folder: Path) -> Mapping[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def wheelhouse(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of everything of ours, and of a plugin generated outside the repository."""
    folder = Path(shutil.copytree(wheels, tmp_path_factory.mktemp("wheelhouse") / "wheels"))
    outside = tmp_path_factory.mktemp("outside")
    run(sys.executable, "-m", "spaner", "plugins", "new", "thermal", cwd=outside)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder)
    run(*pip, "./spaner-thermal", cwd=outside)
    return folder


def fresh_environment(folder: Path, wheelhouse: Path, *names: str) -> Iterator[Path]:
    """Yield the Python of a new environment with only these of ours; it is large, so it goes."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    wheels = [path for name in names for path in wheelhouse.glob(f"{name}-*.whl")]
    assert len(wheels) == len(names)
    pip = (python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt")
    run(*pip, "--find-links", wheelhouse, *wheels, cwd=folder)
    yield python
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def with_stranger(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("first") / "environment"
    yield from fresh_environment(folder, wheelhouse, "spaner", "spaner_text", "spaner_thermal")


@pytest.fixture(scope="module")
def without_stranger(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("second") / "environment"
    yield from fresh_environment(folder, wheelhouse, "spaner", "spaner_text")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space of four modalities, trained in this environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "spaner", "demo", cwd=folder)
    return folder / "demo/space"


@pytest.fixture(scope="module")
def user(elsewhere: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: the space, three lines of yaml, a few synthetic frames."""
    folder = tmp_path_factory.mktemp("user")
    shutil.copytree(elsewhere, folder / "space")
    (folder / "plugins.yaml").write_text(CONFIG, encoding="utf-8")
    rows = ["modality,input,concept"]
    for number in range(8):
        concept, warm = ("running", 16) if number % 2 else ("standing", 2)
        line = ",".join(f"{20 + 9 / (1 + abs(x - warm)) + number / 50:.3f}" for x in range(20))
        (folder / f"frame-{number}.csv").write_text(f"{line}\n" * 12, encoding="utf-8")
        rows.append(f"thermal,frame-{number}.csv,{concept}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_a_strangers_plugin_is_attached_to_a_space_trained_elsewhere(
    with_stranger: Path, user: Path
) -> None:
    listed = json.loads(run(with_stranger, "-m", "spaner", "plugins", "--json", cwd=user))
    assert [(row["name"], row["distribution"]) for row in listed] == [
        ("text", "spaner-text"),
        ("thermal", "spaner-thermal"),
    ]
    before, vectors = digests(user / "space"), embed(sys.executable, user)
    assert len(before) == 20
    run(with_stranger, "-m", "spaner", "plugins", "check", "thermal", cwd=user)
    run(with_stranger, "-m", "spaner", "attach", "thermal", cwd=user)
    after = digests(user / "space")
    assert {name: after[name] for name in before} == before
    assert {name.rsplit("/", 1)[0] for name in after.keys() - before.keys()} == {"aligners/thermal"}
    run(with_stranger, "-m", "spaner", "verify", cwd=user)
    assert embed(with_stranger, user) == vectors
    query = ("search", "frame-1.csv", "--from", "thermal", "--to", "thermal", "-k", "4", "--json")
    hits = json.loads(run(with_stranger, "-m", "spaner", *query, cwd=user))
    assert {hit["concept"] for hit in hits} == {"running"}


def test_an_environment_without_that_plugin_opens_the_same_space(
    with_stranger: Path, without_stranger: Path, user: Path
) -> None:
    if not (user / "space/aligners/thermal").exists():  # this test was chosen alone
        run(with_stranger, "-m", "spaner", "attach", "thermal", cwd=user)
    assert embed(without_stranger, user) == embed(with_stranger, user)
    modalities, said = json.loads(run(without_stranger, "-c", UNSERVED, cwd=user))
    assert modalities == ["audio", "sensor", "text", "thermal", "vision"]
    assert sorted(said) == ["audio", "sensor", "thermal", "vision"]
    for name, message in said.items():
        assert f"made with the distribution spaner-{name} 0.1.0" in message
        assert "Modalities that work here: text" in message
    run(without_stranger, "-m", "spaner", "verify", "--space", "space", cwd=user)
