"""Compares a space on disk with its receipts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spaner_core.files.replacing import check_is_space
from spaner_core.space.receipts import hash_tree
from spaner_core.space.receipts import verify as find_problems

from spaner.reports import Report


@dataclass(frozen=True, kw_only=True, repr=False)
class Verification(Report):
    """How many files a space has, and what is wrong with them, a line each: nothing if intact."""

    space: Path
    files: int
    problems: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether every file is as the receipts say."""
        return not self.problems


def verify(space: Path, *, receipt: Path | None = None) -> Verification:
    """Compare every file of the space at `space` with its receipts.

    `receipt` is a copy of one that was kept elsewhere, to be compared too. Raises `SpaceError`
    where there is no space, or the copy is none.
    """
    check_is_space(space)
    problems = find_problems(space, kept=receipt)
    return Verification(space=space, files=len(hash_tree(space)), problems=tuple(problems))
