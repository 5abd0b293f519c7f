"""Files that a user names for a command to write: nothing of the project's or of theirs is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]

MAP = ("evaluate", "--map")
CARRY = ("propagate", "--from", "text", "--to", "vision", "--check", "--output")
REPORT = ("robustness", "--no-training", "--output")


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that may only be read; for the super-user it is one of the system's own."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):
        yield Path("/sys")
    else:
        yield folder
    folder.chmod(0o755)


def one_line(said: str) -> str:
    assert said.count("\n") == 1
    assert "Errno" not in said
    assert "partial" not in said
    return said


def test_a_map_is_replaced_only_when_asked(trained: Path, spaner: Run, refuses: Refuses) -> None:
    (trained / "map.png").write_text("mine", encoding="utf-8")
    refuses(*MAP, "map.png", cwd=trained, says=("map.png exists", "--overwrite"))
    done = spaner(*MAP, "map.png", "--overwrite", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert (trained / "map.png").read_bytes().startswith(b"\x89PNG")
    assert not [path.name for path in trained.iterdir() if "partial" in path.name]


def test_an_input_is_never_replaced_by_whichever_name(trained: Path, refuses: Refuses) -> None:
    first = sorted((trained / "vision/test").iterdir())[0].relative_to(trained)
    (trained / "link").symlink_to("vision")
    (trained / "again.png").hardlink_to(trained / first)
    for name in (first, Path("link", *first.parts[1:]), trained / first, "again.png"):
        for overwrite in ((), ("--overwrite",)):
            refuses(*MAP, name, *overwrite, cwd=trained,
                    says=(str(name), "the project reads that file itself"))  # fmt: skip
    motion = sorted((trained / "sensor/train").iterdir())[0].relative_to(trained)
    refuses(*CARRY, motion, "--overwrite", cwd=trained, says=(str(motion), "reads that file"))


def test_a_file_of_which_an_input_is_a_part_is_never_replaced(
    trained: Path, refuses: Refuses
) -> None:
    (trained / "pages.png").write_text("mine", encoding="utf-8")
    manifest = trained / "manifest.csv"
    columns = manifest.read_text(encoding="utf-8").partition("\n")[0].count(",") + 1
    row = ",".join(["page", "vision", "pages.png#page=1"] + [""] * (columns - 3))
    manifest.write_text(f"{manifest.read_text(encoding='utf-8')}{row}\n", encoding="utf-8")
    refuses(*MAP, "pages.png", "--overwrite", cwd=trained, says=("reads that file itself",))


def test_files_of_the_configuration_stay_where_flags_name_others(
    trained: Path, refuses: Refuses
) -> None:
    shutil.copyfile(trained / "manifest.csv", trained / "other.csv")
    shutil.copytree(trained / "space", trained / "elsewhere")
    ask = (*CARRY[:-1], "--overwrite", "--manifest", "other.csv", "--space", "elsewhere")
    for name in ("manifest.csv", "other.csv", "labels.csv"):
        refuses(*ask, "--output", name, cwd=trained, says=(name, "reads that file itself"))
    for name in ("space.quarantine.csv", "elsewhere.quarantine.csv", "space.training/log.csv"):
        refuses(*ask, "--output", name, cwd=trained, says=(name, "place of SPANER's own"))
    for name in ("space/c.csv", "elsewhere/new/c.csv"):
        refuses(*ask, "--output", name, cwd=trained, says=(name, "in the space"))
    for name in ("manifest.features/c.csv", "other.features/c.csv"):
        refuses(*ask, "--output", name, cwd=trained, says=(name, "in the feature store"))

    table = (trained / "other.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [line for line in table if "motion-" not in line]
    (trained / "other.csv").write_text("".join(rows), encoding="utf-8")
    motion = sorted((trained / "sensor/train").iterdir())[0].relative_to(trained)
    refuses(*ask, "--output", motion, cwd=trained, says=(str(motion), "reads that file itself"))


def test_nothing_is_written_into_a_space_or_a_store(
    trained: Path, spaner: Run, refuses: Refuses, configure: Configure
) -> None:
    (trained / "link").symlink_to("space")
    configure(trained, "features", "features", "store")
    for name in ("space/m.png", "space/new/m.png", "link/m.png"):
        refuses(*MAP, name, cwd=trained, says=(name, "in the space"))
    refuses(*MAP, "features/m.png", cwd=trained, says=("features/m.png", "in the feature store"))
    refuses(*REPORT, "space/report", cwd=trained, says=("space/report", "in the space"))
    refuses(*REPORT, "features/report", cwd=trained, says=("in the feature store",))
    assert spaner("verify", cwd=trained).returncode == 0


def test_the_file_that_tuning_writes_replaces_none_of_the_project(
    project: Path, refuses: Refuses
) -> None:
    refuses("tune", "--output", "plugins.yaml", "--overwrite", cwd=project, says=("itself",))
    for name in ("manifest.csv", "labels.csv", "space.calibration.safetensors"):
        refuses("tune", "--output", name, "--overwrite", cwd=project, says=(name, "in .yaml"))
    (project / "folder.yaml").mkdir()
    refuses("tune", "--output", "folder.yaml", "--overwrite", cwd=project, says=("is a folder",))
    (project / "plugins-tuned.yaml").write_text("mine", encoding="utf-8")
    refuses("tune", cwd=project, says=("plugins-tuned.yaml exists", "--overwrite"))


@pytest.mark.parametrize(
    ("command", "name"), [(MAP, "m.png"), (CARRY, "c.csv"), (REPORT, "report")], ids=lambda c: c[0]
)
def test_places_where_nothing_can_be_written_are_told_before_the_work(
    command: tuple[str, ...],
    name: str,
    trained: Path,
    closed: Path,
    refuses: Refuses,
    configure: Configure,
) -> None:
    configure(trained, "new", "features", "store")
    (trained / "afile").write_text("mine", encoding="utf-8")
    for place in (f"afile/{name}", f"afile/new/{name}"):
        said = refuses(
            *command, place, cwd=trained, says=(place, "afile is a file", "name another")
        )
        one_line(said)
    for place in (closed / name, closed / "new" / name, Path("l" * 240 + name)):
        said = refuses(*command, place, cwd=trained, says=(f"{place}: nothing can be written",))
        one_line(said)
    assert not (trained / "new").exists(), "something was extracted first"


@pytest.mark.parametrize(("command", "name"), [(MAP, "m.png"), (CARRY, "c.csv")])
def test_a_folder_is_no_file_to_replace(
    command: tuple[str, ...], name: str, trained: Path, refuses: Refuses
) -> None:
    (trained / name).mkdir()
    one_line(refuses(*command, name, "--overwrite", cwd=trained, says=(name, "is a folder")))


def test_a_link_to_nowhere_is_not_replaced_unasked(trained: Path, refuses: Refuses) -> None:
    for name, target in (("nowhere.csv", "gone"), ("circle.csv", "circle.csv")):
        (trained / name).symlink_to(target)
        refuses(*CARRY, name, cwd=trained, says=(f"{name} exists",))


def test_a_manifest_that_the_configuration_names_need_not_be_there(
    trained: Path, spaner: Run
) -> None:
    (trained / "manifest.csv").rename(trained / "other.csv")
    (trained / "carried.csv").write_text("mine", encoding="utf-8")
    done = spaner(*CARRY, "carried.csv", "--overwrite", "--manifest", "other.csv", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load((trained / "plugins.yaml").read_text())["data"] == {
        "manifest": "manifest.csv"
    }
