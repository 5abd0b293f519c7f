"""A small project from the embedded data, and `spaner` commands run on it as processes.

Fixtures that give a project's folder give a copy of their own: a test may break it.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from spaner.demo.dataset import write_dataset
from spaner_core.features.hashes import NAME as FILE_HASHES

from tests import process

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
MadeOnce = Callable[[str, Callable[[Path], object]], Path]

CONCEPTS = ("one", "two", "running", "walking")
ROWS = {"text": 6, "vision": 5, "audio": 3, "sensor": 4}
CONFIG: dict[str, Any] = {
    "space": "space",
    "data": {"manifest": "manifest.csv"},
    "prompt": {"labels_from": "text", "labels": "labels.csv"},
    "modalities": {
        "text": {"encoder": {"model": "hashed"}},
        "vision": {"encoder": {"model": "hog"}},
        "audio": {"encoder": {"model": "logmel"}},
        "sensor": {"encoder": {"model": "rocket", "kernels": 50}},
    },
    "training": {"max_steps": 20, "warmup_steps": 2, "per_device_train_batch_size": 16},
}


@pytest.fixture(scope="session")
def demo_data(made_once: MadeOnce) -> Path:
    """The whole embedded data set as files; not to be changed."""
    return made_once("demo-data", write_dataset)


@pytest.fixture(scope="session")
def cold_spaner() -> Run:
    """Run `python -m spaner` from nothing."""
    return process.cold_spaner


@pytest.fixture(scope="session")
def spaner() -> Run:
    """Run `spaner` in a new process that starts with the heavy libraries imported."""
    return process.spaner


@contextmanager
def unchanged(folder: Path) -> Iterator[Path]:
    """Give a folder that other tests copy; say so where one of them wrote there."""
    before = sorted(folder.rglob("*"))
    yield folder
    assert sorted(folder.rglob("*")) == before, "a test wrote where others copy from"


@pytest.fixture(scope="session")
def small_project(made_once: MadeOnce, demo_data: Path) -> Iterator[Path]:
    """Four concepts, a few rows each, nothing trained; not to be changed."""
    with unchanged(made_once("small", partial(_write_small, demo_data))) as folder:
        yield folder


def _write_small(demo_data: Path, folder: Path) -> None:
    folder.mkdir()
    with (demo_data / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    taken: Counter[tuple[str, ...]] = Counter()
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        for row in rows:
            place = (row["modality"], row["concept"], row["split"])
            if row["concept"] not in CONCEPTS or taken[place] == ROWS[row["modality"]]:
                continue
            taken[place] += 1
            table.writerow(row)
            if row["modality"] != "text":
                target = folder / row["input"]
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(demo_data / row["input"], target)
    labels = (demo_data / "labels.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in labels if line.split(",")[0] in ("concept", *CONCEPTS)]
    (folder / "labels.csv").write_text("".join(kept), encoding="utf-8")
    (folder / "plugins.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="session")
def trained_project(made_once: MadeOnce, small_project: Path, spaner: Run) -> Iterator[Path]:
    """The small project with a space of text, vision and audio; not to be changed."""

    def make(folder: Path) -> None:
        shutil.copytree(small_project, folder)
        result = spaner("train", "text", "vision", "audio", "--quiet", cwd=folder)
        assert result.returncode == 0, result.stderr

    with unchanged(made_once("trained", make)) as folder:
        yield folder


@pytest.fixture(scope="session")
def attached_project(made_once: MadeOnce, trained_project: Path, spaner: Run) -> Iterator[Path]:
    """The small project with the sensor attached too; not to be changed."""

    def make(folder: Path) -> None:
        shutil.copytree(trained_project, folder)
        result = spaner("attach", "sensor", "--quiet", cwd=folder)
        assert result.returncode == 0, result.stderr

    with unchanged(made_once("attached", make)) as folder:
        yield folder


@pytest.fixture
def project(tmp_path: Path, small_project: Path) -> Path:
    """A copy of the small project, nothing trained."""
    return Path(shutil.copytree(small_project, tmp_path / "project"))


@pytest.fixture
def quick(project: Path) -> Path:
    """A copy of the small project with texts and images alone, trained in four steps."""
    with (project / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["modality"] in ("text", "vision")]
    with (project / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    content = yaml.safe_load((project / "plugins.yaml").read_text(encoding="utf-8"))
    content["modalities"] = {name: content["modalities"][name] for name in ("text", "vision")}
    content["training"]["max_steps"] = 4
    (project / "plugins.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return project


@pytest.fixture
def trained(tmp_path: Path, trained_project: Path) -> Path:
    """A copy of the project whose space has text, vision and audio."""
    return Path(shutil.copytree(trained_project, tmp_path / "trained"))


@pytest.fixture
def attached(tmp_path: Path, attached_project: Path) -> Path:
    """A copy of the project whose space has all four modalities."""
    return Path(shutil.copytree(attached_project, tmp_path / "attached"))


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, str]]:
    """Give every file below a folder with its SHA-256, and every folder with none.

    What a store remembers of input files is left out: any command may add to it.
    """

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""

    return lambda folder: {
        path.relative_to(folder).as_posix(): digest(path)
        for path in sorted(folder.rglob("*"))
        if path.name != FILE_HASHES
    }


@pytest.fixture(scope="session")
def configure() -> Callable[..., None]:
    """Change one value of a project's plugins.yaml: `configure(folder, 1, "training", "seed")`."""

    def change(folder: Path, value: object, *keys: str) -> None:
        path = folder / "plugins.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        section = content
        for key in keys[:-1]:
            section = section.setdefault(key, {})
        section[keys[-1]] = value
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    return change


@pytest.fixture(scope="session")
def refuses(spaner: Run, tree: Callable[[Path], dict[str, str]]) -> Callable[..., str]:
    """Run a command that must be refused, and give what it says.

    Refused means: exit code 2, nothing on standard output, `error:` lines and no traceback on
    standard error, and no file in the folder made, changed or removed but extracted features, which
    the next run will use, and the table of inputs that cannot be used.
    """
    left = (".features", ".quarantine.csv")

    def files(folder: Path) -> dict[str, str]:
        found = tree(folder)
        return {name: found[name] for name in found if not any(part in name for part in left)}

    def run(*arguments: object, cwd: Path, says: tuple[str, ...] = ()) -> str:
        before = files(cwd)
        result = spaner(*arguments, cwd=cwd)
        told = f"exit {result.returncode}\nstdout: {result.stdout}\nstderr: {result.stderr}"
        assert result.returncode == 2, told
        assert result.stdout == "", told
        assert "Traceback" not in result.stderr, told
        said = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
        assert said[:1], told
        assert said[0].startswith("error: "), told
        assert files(cwd) == before, "something was half-written"
        for part in says:
            assert part in result.stderr, told
        return result.stderr

    return run


@pytest.fixture(scope="session")
def cold_environment() -> dict[str, str]:
    """The environment in which every process of these tests runs."""
    return process.environment()
