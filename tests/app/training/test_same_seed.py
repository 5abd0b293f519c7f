"""The same seed gives the same bytes, in any process."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]


def test_two_processes_write_the_same_space_and_another_seed_another(
    project: Path, attached_project: Path, cold_spaner: Run, spaner: Run, tree: Tree
) -> None:
    def space(train: Run, *seed: str) -> dict[str, str]:
        names = ("text", "vision", "audio")
        trained = train("train", *names, "--overwrite", *seed, "--quiet", cwd=project)
        assert trained.returncode == 0, trained.stderr
        attached = spaner("attach", "sensor", *seed, "--quiet", cwd=project)
        assert attached.returncode == 0, attached.stderr
        return tree(project / "space")

    first, second = space(cold_spaner), tree(attached_project / "space")
    assert first == second
    third = space(spaner, "--seed", "2")
    weights = [name for name in first if name.endswith(".safetensors")]
    assert len(weights) == 5
    for name in weights:
        assert first[name] != third[name], f"{name} does not depend on the seed"


def test_a_space_does_not_depend_on_where_it_is_written(
    small_project: Path, spaner: Run, tree: Tree, tmp_path: Path
) -> None:
    spaces = []
    for name in ("here", "deeper/there"):
        folder = Path(shutil.copytree(small_project, tmp_path / name))
        done = spaner("train", "text", "vision", "--quiet", "--space", "space", cwd=folder)
        assert done.returncode == 0, done.stderr
        spaces.append(tree(folder / "space"))
    assert spaces[0] == spaces[1]


def test_order_of_names_on_the_command_line_does_not_matter(
    small_project: Path, spaner: Run, tree: Tree, tmp_path: Path
) -> None:
    spaces = []
    for number, names in enumerate((("text", "vision"), ("vision", "text"))):
        folder = Path(shutil.copytree(small_project, tmp_path / str(number)))
        done = spaner("train", *names, "--quiet", cwd=folder)
        assert done.returncode == 0, done.stderr
        spaces.append(tree(folder / "space"))
    assert spaces[0] == spaces[1]
