"""Keeps receipts: SHA-256 of every file before and after a training.

Each part of a space (the prompt, every aligner) carries a `receipt.json` that lists its own files
and every other file of the space, as they were before and after the training that made the part.
Files of parts made by the same training are listed in `after` only; their receipts are listed
nowhere in each other, since neither could be written first. The receipt of an aligner that took
another one's place keeps the hashes that its files had before, so that receipts that are older
still hold. A receipt ends with a checksum of itself, so that no byte of a space is beyond `verify`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spaner_core.errors import SpaceError
from spaner_core.files.documents import parse_json
from spaner_core.files.ordinary import UnfitFile, open_ordinary, read_small

RECEIPT = "receipt.json"
FORMAT_VERSION = 1


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with open_ordinary(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_tree(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder`, by path relative to it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


def render_receipt(
    part: str,
    *,
    own: Mapping[str, str],
    before: Mapping[str, str],
    after: Mapping[str, str],
    replaced: Mapping[str, Sequence[str]],
) -> str:
    """Write a receipt of the part at `part` (e.g. `aligners/x`) as JSON text with its checksum.

    `replaced` holds the hashes that the part's files, its receipt among them, have had before.
    """
    body = {
        "format_version": FORMAT_VERSION,
        "part": part,
        "own": dict(own),
        "replaced": {name: list(hashes) for name, hashes in replaced.items()},
        "others_before": dict(before),
        "others_after": dict(after),
        # nothing can be said of files that were written by the same training
        "others_unchanged": all(after.get(k) == v for k, v in before.items()) if before else None,
    }
    return _with_checksum(body)


def _with_checksum(body: dict[str, Any]) -> str:
    text = json.dumps(body, indent=2, sort_keys=True)
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({**body, "checksum": checksum}, indent=2, sort_keys=True) + "\n"


def read_receipt(path: Path) -> dict[str, Any]:
    """Read a receipt and check it against its own checksum.

    Raises `SpaceError` when it is missing, is no receipt, or one of its bytes was changed.
    """
    try:
        content = read_small(path)
        body = parse_json(content)
        body.pop("checksum")
        intact = _with_checksum(body).encode() == content and _is_receipt(body)
    except FileNotFoundError:
        raise SpaceError(f"{path}: the receipt is missing") from None
    except UnfitFile as error:
        raise SpaceError(f"{error}; is no receipt") from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        intact = False
    if not intact:
        raise SpaceError(f"{path}: is no receipt, or was changed after it was written")
    return dict(body)


def _is_receipt(body: Mapping[str, Any]) -> bool:
    hashes = [body.get(key) for key in ("own", "others_before", "others_after")]
    replaced = body.get("replaced")
    return (
        isinstance(body.get("part"), str)
        and all(
            isinstance(part, dict) and all(isinstance(value, str) for value in part.values())
            for part in hashes
        )
        and isinstance(replaced, dict)
        and all(
            isinstance(several, list) and all(isinstance(value, str) for value in several)
            for several in replaced.values()
        )
        and isinstance(body.get("others_unchanged"), bool | None)
    )


def block_folders(space: Path) -> list[Path]:
    """Return the folders of the prompt's blocks: `prompt` itself, then those appended later.

    Raises `SpaceError` where that cannot be told.
    """
    prompt = space / "prompt"
    return [prompt, *(path for path in _folders(prompt) if path.name.startswith("block-"))]


def aligner_folders(space: Path) -> list[Path]:
    """Return the folders of the aligners; raises `SpaceError` where that cannot be told."""
    return _folders(space / "aligners")


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise SpaceError(
            f"{folder} cannot be read ({error.strerror}); ask its owner for permission"
        ) from error


def find_parts(space: Path) -> Iterator[str]:
    """Yield the parts of a space: the blocks of its prompt, then its aligners, each in order."""
    for folder in block_folders(space):
        yield folder.relative_to(space).as_posix()
    for folder in aligner_folders(space):
        yield f"aligners/{folder.name}"


def verify(space: Path, *, kept: Path | None = None) -> list[str]:
    """Compare every file of a space with every receipt; return what is wrong, one line each.

    Finds accidents. Whoever changes a file may rewrite the receipts too; a receipt `kept`
    elsewhere is compared as well and finds that.
    """
    files = hash_tree(space)
    expected: dict[str, dict[str, str]] = {}
    replaced: set[tuple[str, str]] = set()
    problems: list[str] = []
    sources = [(space / part / RECEIPT) for part in find_parts(space)]
    for path in [*sources, *([kept] if kept else [])]:
        try:
            receipt = read_receipt(path)
        except SpaceError as error:
            problems.append(str(error))
            continue
        _expect(receipt, str(path), expected)
        if path != kept:
            replaced |= _replaced_by(receipt)
        if receipt["others_unchanged"] is False:
            problems.append(f"{path}: the training that wrote it changed files of the space")
    for name, said in sorted(expected.items()):
        # a copy kept elsewhere is compared with what is there, whatever the space says of itself
        current = {
            source: value
            for source, value in said.items()
            if (name, value) not in replaced or source == str(kept)
        }
        problems += _compare(name, files.get(name), current)
    problems += _strange_entries(space)
    receipts = {path.relative_to(space).as_posix() for path in sources}
    problems += [
        f"{name}: in no receipt; it was added by something else than a training"
        for name in sorted(files.keys() - expected.keys() - receipts)
    ]
    return problems


def _strange_entries(space: Path) -> Iterator[str]:
    """Name what is neither a file nor a folder with files in it."""
    for path in sorted(space.rglob("*")):
        name = path.relative_to(space).as_posix()
        if path.is_symlink():
            yield f"{name}: is a link; a space holds files of its own only"
        elif path.is_dir() and not any(path.iterdir()):
            yield f"{name}: is an empty folder; no training makes one"
        elif not path.is_dir() and not path.is_file():
            yield f"{name}: is no ordinary file"


def _expect(receipt: dict[str, Any], source: str, expected: dict[str, dict[str, str]]) -> None:
    own = {f"{receipt['part']}/{name}": value for name, value in receipt["own"].items()}
    for name, value in {**own, **receipt["others_after"]}.items():
        expected.setdefault(name, {})[source] = value


def _replaced_by(receipt: dict[str, Any]) -> set[tuple[str, str]]:
    """Return files of the space with the hashes that they had before the part was replaced."""
    return {
        (f"{receipt['part']}/{name}", value)
        for name, hashes in receipt["replaced"].items()
        for value in hashes
        if value != receipt["own"].get(name)  # trained anew to the same bytes
    }


def _compare(name: str, found: str | None, expected: Mapping[str, str]) -> list[str]:
    wrong = [source for source, value in expected.items() if value != found]
    if not wrong:
        return []
    if found is None:
        return [f"{name}: missing, but listed in {wrong[0]}"]
    return [f"{name}: changed; SHA-256 is {found[:12]}, {wrong[0]} says {expected[wrong[0]][:12]}"]
