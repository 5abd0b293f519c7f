"""Records which rows trainings saw, by salted hashes.

`<space>.seen/` has a file for each training of aligners that the space has: their fingerprints, and
the rows of every modality that the training read. A row is known by its id and by the key of its
content.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from spaner_core.data.manifest import Rows
from spaner_core.errors import SpaceError
from spaner_core.files.atomic import remove_left_files
from spaner_core.files.documents import fit, read_versioned, write_json
from spaner_core.files.ordinary import LARGEST_LIST
from spaner_core.files.replacing import writing_alone
from spaner_core.space.parts import fingerprint_part

from spaner.forgotten import new_salt, salted
from spaner.project import Project
from spaner.space_files import SEEN, beside

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training: the aligners that came of it, by modality, and hashes of the rows it read."""

    aligners: Mapping[str, str]
    salt: str
    ids: tuple[str, ...]
    contents: tuple[str, ...]

    def saw(self, ids: Iterable[str], contents: Iterable[str]) -> bool:
        """Whether it read any of these rows, or of these contents under another id."""
        asked = {("id", one) for one in ids}, {("content", one) for one in contents}
        return any(
            salted(self.salt, *one) in known
            for known, several in zip((set(self.ids), set(self.contents)), asked, strict=True)
            for one in several
        )


def note_seen(project: Project, names: Collection[str], rows: Mapping[str, Rows]) -> None:
    """Record that aligners of `names`, which the space has now, were trained on `rows`.

    Where that cannot be written it is a notice: the training is done.
    """
    try:
        _write(project, names, rows)
    except OSError as error:
        project.say(
            f"which rows {', '.join(names)} saw cannot be recorded ({error.strerror or error}), so "
            "`spaner forget` will not be able to say that"
        )


def _write(project: Project, names: Collection[str], rows: Mapping[str, Rows]) -> None:
    folder, salt = beside(project.config.space, SEEN), new_salt()
    read = [project.features(name, part) for name, part in rows.items()]
    ids = {row for part in read for row in part.rows.distinct("id")}
    aligners = dict(_fingerprints(project.config.space, names))
    training = Training(
        aligners=aligners,
        salt=salt,
        ids=tuple(sorted(salted(salt, "id", one) for one in ids)),
        contents=tuple(
            sorted(salted(salt, "content", one) for part in read for one in {*part.contents})
        ),
    )
    path = folder / f"{min(aligners.values())[:16]}.json"
    with writing_alone(path):
        remove_left_files(folder, lambda name: name.endswith(".json"))
        write_json(path, {"format_version": FORMAT_VERSION, **asdict(training)}, indent=None)
        current = dict(_fingerprints(project.config.space, _aligners(project.config.space)))
        for other, known in _trainings(folder):
            if not known.aligners.items() & current.items():  # none is in the space any more
                other.unlink(missing_ok=True)


def trained_on(
    space: Path, ids: Collection[str], contents: Collection[str]
) -> tuple[list[str], list[str]]:
    """Name the modalities whose aligner was trained on any of these, and those that do not say."""
    saw, untold = [], []
    trainings = [known for _, known in _trainings(beside(space, SEEN))]
    for name, fingerprint in _fingerprints(space, _aligners(space)):
        mine = [known for known in trainings if known.aligners.get(name) == fingerprint]
        if not mine:
            untold.append(name)
        elif any(known.saw(ids, contents) for known in mine):
            saw.append(name)
    return saw, untold


def _aligners(space: Path) -> list[str]:
    return sorted(path.name for path in (space / "aligners").glob("*") if path.is_dir())


def _fingerprints(space: Path, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        with suppress(SpaceError):  # being replaced
            yield name, fingerprint_part(space / "aligners" / name)


def _trainings(folder: Path) -> Iterator[tuple[Path, Training]]:
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError):  # damaged: its aligners count as untold
            version, content = read_versioned(path, largest=LARGEST_LIST)
            if version == FORMAT_VERSION:
                yield path, fit(content, Training)
