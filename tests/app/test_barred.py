"""What the user has no right to look at is not taken for something that is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import process

NOBODY = "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
PLUGINS = (
    "import sys; sys.argv[1:] = ['plugins', '--strict']; from spaner.__main__ import main; main()"
)
LOOK = """
from pathlib import Path
from spaner_core.errors import UnusableInput
from spaner_core.contract.sources import check_ordinary
try:
    check_ordinary(Path("barred/photo.png"))
except UnusableInput as error:
    print(error)
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def barred(tmp_path: Path) -> Path:
    """A folder in which nobody but its owner may look anything up."""
    folder = tmp_path / "barred"
    folder.mkdir(mode=0o700)
    return folder


def test_a_policy_that_cannot_be_looked_up_binds(barred: Path) -> None:
    (barred / "plugins.yaml").write_text("policy: {allow: []}\n", encoding="utf-8")
    said = process.python(NOBODY + PLUGINS, cwd=barred)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("error: plugins.yaml: cannot be read (Permission denied)")


def test_an_input_in_a_barred_folder_is_not_blamed_for_its_name(barred: Path) -> None:
    (barred / "photo.png").touch()
    said = process.python(NOBODY + LOOK, cwd=barred.parent)
    assert said.stdout.startswith("Permission denied"), said.stderr
