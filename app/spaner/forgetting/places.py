"""Takes rows out of each place that a project keeps them in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spaner_core.contract.sources import without_part
from spaner_core.errors import SpaceError
from spaner_core.features.renewal import discard_renewal
from spaner_core.features.stream_records import read_plan
from spaner_core.training.divergence import FAILED_BATCH

from spaner.audit.actions import LONGEST, audit_log
from spaner.audit.readable import Readable
from spaner.forgetting.meant import Meant
from spaner.index.drop import drop_rows
from spaner.index.files import remove_index
from spaner.index.usable_index import index_folder
from spaner.project import Project
from spaner.search.calibration_file import RENEW, drop_familiar, existing_calibration
from spaner.space_files import TRACES, beside


def drop_features(project: Project, meant: Meant) -> int:
    """Remove features of the contents from every stream; return how many."""
    removed, contents = 0, {*meant.contents}
    for stream in project.store.streams() if contents else ():
        discard_renewal(stream)
        known = {key for file in stream.files for key in file.keys} | stream.refused.keys()
        planned = {key for batch in read_plan(stream.folder) for key in batch}
        if planned & contents:
            stream.finish()
        if known & contents:
            removed += stream.keep(lambda known=known: known - contents).rows  # type: ignore[misc]
    project.store.hashes.forget(without_part(Path(one)).as_posix() for one in meant.inputs)
    return removed


def drop_indexed(project: Project, meant: Meant) -> int:
    """Remove the rows' vectors from the index; return of how many rows."""
    removed, folder = 0, index_folder(project.config.space)
    for record in sorted(folder.glob("*.json")):
        try:
            removed += drop_rows(folder, record.stem, ids=meant.ids, contents=meant.contents)
        except SpaceError:
            remove_index(folder, record.stem)
            project.say(f"the index of {record.stem!r} was broken and is removed; `spaner index`")
    return removed


def drop_references(project: Project, meant: Meant) -> int:
    """Remove the rows from those that queries are compared with; return how many."""
    try:
        return drop_familiar(project.config.space, {*meant.ids})
    except SpaceError:
        path = existing_calibration(project.config.space)
        if path is not None:
            path.unlink(missing_ok=True)
            project.say(f"{path} was broken and is removed; {RENEW}")
        return 0


def drop_traces(project: Project) -> None:
    """Remove batches at which trainings failed, which have features of nobody knows which rows."""
    for path in beside(project.config.space, TRACES).rglob(FAILED_BATCH):
        path.unlink(missing_ok=True)


def drop_readable(project: Project, meant: Meant) -> int:
    """Erase what can be read of actions that name the rows; return of how many."""
    log = audit_log(project.config)
    if log is None or not log.readable.exists():
        return 0
    named = re.compile("|".join(_named(word) for word in (*meant.ids, *meant.inputs)))

    def is_kept(part: Readable) -> bool:
        return not any(named.search(text) for text in _texts(part.content))

    return log.erase(is_kept)


def _named(word: str) -> str:
    """Find a word where it does not stand within another one, or its beginning where cut."""
    behind = r"(?!\w)" if len(word) <= LONGEST else ""
    return rf"(?<!\w){re.escape(word[:LONGEST])}{behind}"


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        yield from _texts(content.values())
    elif isinstance(content, Iterable):
        for one in content:
            yield from _texts(one)
