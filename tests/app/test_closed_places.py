"""Places that may only be read, or have no room: reading goes on, and writing is refused first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import process

Configure = Callable[..., None]
Refuses = Callable[..., str]
Run = Callable[..., process.Ended]
Tree = Callable[[Path], dict[str, str]]

BOUND = """
import ctypes, os
if os.geteuid() == 0:  # else the super-user writes wherever permissions forbid it
    libc = ctypes.CDLL(None)
    header, rights = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, rights)
    rights[0], rights[1] = rights[0] & ~2, rights[1] & ~2  # CAP_DAC_OVERRIDE
    libc.capset(header, rights)
"""
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
"""No file may become larger: what a full disk does, where others go on writing."""

TRAIN = ("train", "text", "vision", "--quiet")


def bound(*arguments: object, cwd: Path, before: str = BOUND) -> process.Ended:
    """Run `spaner` as somebody whom permissions bind."""
    return process.python(f"{before}\n{process.MAIN}", *arguments, cwd=cwd)


def refused(done: process.Ended, *says: str) -> None:
    told = f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert (done.returncode, done.stdout) == (2, ""), told
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: "), told
    for part in says:
        assert part in line, told
    assert "Errno" not in line, told
    assert ".partial" not in line, told


def permit(folder: Path, *, writing: bool) -> None:
    """Give or take the right to write in a folder and all below."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(
            (0o755 if writing else 0o555) if path.is_dir() else (0o644 if writing else 0o444)
        )


@pytest.fixture(autouse=True)
def permitted_at_the_end(tmp_path: Path) -> Iterator[None]:
    yield
    permit(tmp_path, writing=True)


def test_everything_that_reads_works_in_a_project_that_may_only_be_read(
    attached: Path, spaner: Run, configure: Configure, tree: Tree
) -> None:
    assert spaner("extract", "--quiet", cwd=attached).returncode == 0
    permit(attached, writing=False)
    done = bound("extract", cwd=attached)
    assert done.returncode == 0, done.stderr

    permit(attached, writing=True)
    configure(attached, 0.5, "data", "max_unusable")
    image = sorted((attached / "vision/test").iterdir())[0]
    image.write_bytes(image.read_bytes()[:40])
    assert spaner("extract", "--quiet", cwd=attached).returncode == 0
    (attached / "space.quarantine.csv").unlink()
    permit(attached, writing=False)
    before = tree(attached)
    said = ""
    for command in (
        ("search", "two", "--from", "text", "--to", "vision"),
        ("evaluate", "--split", "test"),
        ("prompt",),
        ("few-shot", "text", "vision", "--shots", "1", "--seeds", "1"),
        ("propagate", "--from", "text", "--to", "vision", "--check"),
        ("check",),
        ("verify",),
    ):
        done = bound(*command, cwd=attached)
        assert done.returncode == 0, (command, done.stderr)
        said += done.stderr
    assert tree(attached) == before
    assert "1 row of 'vision' cannot be used and was left out" in said
    assert "space.quarantine.csv, which would say why, cannot be written" in said


def test_a_space_that_cannot_be_written_is_refused_before_anything_is_read(
    project: Path, refuses: Refuses
) -> None:
    (project / "afile").write_text("mine", encoding="utf-8")
    for place in ("afile/space", "afile/new/space", "l" * 250):
        refuses(*TRAIN, "--space", place, cwd=project, says=(f"space {place}: ",))
    (project / "closed").mkdir()
    permit(project / "closed", writing=False)
    for place in ("closed/space", "closed/new/space"):
        refused(bound(*TRAIN, "--space", place, cwd=project), f"space {place}: ", "rights")
    refused(bound(*TRAIN, cwd=project, before=FULL.format(room=99_999)), "space ", "make room")
    assert not (project / "manifest.features").exists(), "something was extracted first"


def test_traces_that_cannot_be_written_are_refused_before_anything_is_read(
    project: Path, configure: Configure, refuses: Refuses
) -> None:
    configure(project, 5, "training", "eval_steps")
    (project / "space.training").write_text("mine", encoding="utf-8")
    refuses(*TRAIN, cwd=project, says=("space.training is a file",))
    assert not (project / "manifest.features").exists()


def test_a_space_to_which_nothing_can_be_added_is_refused_before_anything_is_read(
    trained: Path, configure: Configure, tree: Tree
) -> None:
    configure(trained, "elsewhere", "features", "store")
    permit(trained / "space", writing=False)
    before = tree(trained)
    for command in (("attach", "sensor"), ("attach", "vision", "--replace"), ("extend", "karate")):
        refused(bound(*command, "--quiet", cwd=trained), "space ", "nothing can be added")
    assert tree(trained) == before


def test_what_lies_beside_a_space_in_its_folder_is_named_and_kept(
    trained: Path, refuses: Refuses, configure: Configure
) -> None:
    configure(trained, "../features", "features", "store")
    configure(trained, ".", "space")
    for part in ("prompt", "aligners"):
        (trained / "space" / part).rename(trained / part)
    refuses(*TRAIN, "--overwrite", cwd=trained, says=("manifest.csv", "more", "--space"))
    (trained / "aligners/vision/notes.txt").write_text("mine", encoding="utf-8")
    refuses("attach", "vision", "--replace", cwd=trained, says=("aligners/vision/notes.txt",))
    assert not (trained.parent / "features").exists(), "something was extracted first"


def test_a_disk_that_becomes_full_is_named_and_the_old_space_stays(
    trained: Path, spaner: Run, tree: Tree
) -> None:
    room = (trained / "space/aligners/vision/model.safetensors").stat().st_size - 1
    before = tree(trained / "space")
    done = bound(*TRAIN, "--overwrite", cwd=trained, before=FULL.format(room=room))
    refused(done, "error: space: ")
    assert tree(trained / "space") == before
    assert not list(trained.glob(".space*"))
    assert spaner("verify", cwd=trained).returncode == 0
