"""Keeps what is being forgotten until all of it is.

It lies beside the space, `<space>.forgetting.json`, and names the rows in clear: whoever opens the
project next reads it, finishes what a killed process began, and removes it.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from spaner_core.errors import DataError
from spaner_core.files.documents import fit, read_versioned, write_json
from spaner_core.files.ordinary import LARGEST_LIST

from spaner.forgetting.meant import Meant
from spaner.space_files import FORGETTING, beside

FORMAT_VERSION = 1


def journal_path(space: Path) -> Path:
    """Return where the journal of a space is, while there is one."""
    return beside(space, FORGETTING)


def write_journal(space: Path, meant: Meant) -> None:
    """Say what is to be forgotten, before the first of it is."""
    write_json(journal_path(space), {"format_version": FORMAT_VERSION, **asdict(meant)})


def read_journal(space: Path) -> Meant:
    """Read what is to be forgotten. Raises `DataError` where that is damaged."""
    path = journal_path(space)
    try:
        version, content = read_versioned(path, largest=LARGEST_LIST)
        if version != FORMAT_VERSION:
            raise ValueError(f"format version {version!r}, this SPANER reads {FORMAT_VERSION}")
        return fit(content, Meant)
    except (OSError, ValueError) as error:
        why = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DataError(
            f"{path}: it says what was being forgotten, and cannot be read ({why}); remove it and "
            "forget these rows again"
        ) from error
