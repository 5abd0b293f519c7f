"""Keeps what cosines are worth and which rows are familiar.

`<space>.calibration.safetensors` holds the numbers of the familiar rows, and all else as JSON in
its metadata: `calibration`, `familiar` and `ids`. Earlier versions wrote `<space>.calibration.json`
without familiar rows, which is still read.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from spaner_core.errors import SpaceError
from spaner_core.evaluation.calibration import HitProbability
from spaner_core.evaluation.familiarity import Familiarity
from spaner_core.evaluation.known_kinds import KnownKinds
from spaner_core.evaluation.no_match import MatchThreshold
from spaner_core.files.atomic import written_at_end
from spaner_core.files.documents import fit, parse_json, read_versioned
from spaner_core.files.ordinary import open_ordinary
from spaner_core.space.embeddings import VectorKey
from spaner_core.space.records import Same, Strength
from torch import Tensor

from spaner.search.familiar_rows import Familiar, FamiliarRows
from spaner.space_files import CALIBRATION, EARLIER_CALIBRATION, beside

FORMAT_VERSION, EARLIER_VERSION = 2, 1
RENEW = "`spaner calibrate --overwrite`"


@dataclass(frozen=True, kw_only=True)
class CalibratedPair:
    """What cosines of `source` queries with `target` rows are worth.

    It was fitted on `queries` and `gallery` samples; what they said too little of is None.
    `threshold` is the one that searches use, `cutoffs` are those of further false-accept rates.
    """

    source: str
    target: str
    queries: int
    gallery: int
    probability: HitProbability | None
    threshold: MatchThreshold | None
    cutoffs: tuple[MatchThreshold, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a calibration says of pairs, and the `keys` for which it holds.

    Thresholds were chosen for `false_accept_rate`, above 0 and below 1. `things` says the same of
    hits that show the very same thing, where the space has a pull strength for these besides;
    `same` says which of both this is about.
    Raises `ValueError` for any other rate, and where a pair's modality has no key.
    """

    split: str
    false_accept_rate: float
    keys: Mapping[str, VectorKey]
    pairs: tuple[CalibratedPair, ...]
    same: Same = "kind"
    things: Calibration | None = None

    def __post_init__(self) -> None:
        named = {name for pair in self.pairs for name in (pair.source, pair.target)}
        if missing := sorted(named - self.keys.keys()):
            raise ValueError(f"no key of {', '.join(missing)}")
        if not 0 < self.false_accept_rate < 1:  # so that NaN is refused too
            raise ValueError(f"a false_accept_rate of {self.false_accept_rate}")

    @property
    def strength(self) -> float | None:
        """The pull strength at which it holds."""
        return next((key.strength for key in self.keys.values()), None)

    def part(self, strength: Strength | None, *, pull: float) -> Calibration:
        """Return what holds where `strength` is asked for, which is `pull`: kinds' or things'."""
        things = self.things
        if things is None or strength == "kind":
            return self
        asked = strength == "thing" or (pull != self.strength and pull == things.strength)
        return things if asked else self

    def pair(self, source: str, target: str) -> CalibratedPair | None:
        """Return what is known of this ordered pair, None where it was left out."""
        return next((p for p in self.pairs if (p.source, p.target) == (source, target)), None)


def calibration_path(space: Path) -> Path:
    """Return where the calibration of the space at `space` is: beside it, never within."""
    return beside(space, CALIBRATION)


def existing_calibration(space: Path) -> Path | None:
    """Return the calibration beside a space, this version's or an earlier one's; None without."""
    paths = (beside(space, ending) for ending in (CALIBRATION, EARLIER_CALIBRATION))
    return next((path for path in paths if path.exists()), None)


def write_calibration(
    space: Path, calibration: Calibration, familiar: Mapping[str, Familiar]
) -> Path:
    """Write the calibration of a space, whole or not at all, in place of the one that is there."""
    path = calibration_path(space)
    content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(calibration)}
    metadata = {
        "calibration": _render(content),
        "familiar": _render({n: dataclasses.asdict(one.record) for n, one in familiar.items()}),
        "ids": _render({name: one.ids for name, one in familiar.items()}),
    }
    tensors = {
        f"{name}.{field}": tensor
        for name, one in familiar.items()
        for field, tensor in _tensors(one).items()
    }
    with written_at_end(path) as new:
        # as bytes: save_file would make the file readable for its owner alone
        new.write_bytes(save(tensors, metadata))
    beside(space, EARLIER_CALIBRATION).unlink(missing_ok=True)
    return path


def read_calibration(path: Path) -> Calibration:
    """Read what a calibration says of pairs.

    Raises `SpaceError` where it is damaged, or not what this SPANER writes.
    """
    with _reading(path):
        if path.name.endswith(EARLIER_CALIBRATION):
            version, content = read_versioned(path)
            return _fitted(version, content, expected=EARLIER_VERSION)
        with _opened(path) as file:
            content = _parsed(file, "calibration")
            return _fitted(content.pop("format_version", None), content, expected=FORMAT_VERSION)


def read_familiar(path: Path, modality: str) -> Familiar | None:
    """Read the familiar rows of a modality; None where the calibration has none.

    Raises as `read_calibration`.
    """
    if path.name.endswith(EARLIER_CALIBRATION):
        return None
    with _reading(path), _opened(path) as file:
        known = _parsed(file, "familiar")
        if modality not in known:
            return None
        prefix = f"{modality}."
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (no dict)
        found = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
        held_out = found.pop("held_out")
        return Familiar(
            record=fit(known[modality], FamiliarRows),
            measure=Familiarity(references=found["references"], held_out=held_out),
            kinds=KnownKinds(**found) if len(found) > 1 else None,
            ids=fit(_parsed(file, "ids").get(modality), tuple[str, ...]),
        )


def familiar_ids(path: Path) -> set[str]:
    """Return the ids of all familiar rows. Raises as `read_calibration`."""
    return {row for one in _read_all(path).values() for row in one.ids}


def drop_familiar(space: Path, ids: Collection[str]) -> int:
    """Remove rows from the familiar ones, of all modalities; return how many.

    What was fitted stays. Raises as `read_calibration`.
    """
    path = existing_calibration(space)
    known = {} if path is None else _read_all(path)
    kept = {name: one for name, old in known.items() if len((one := _without(old, ids)).ids)}
    count = sum(len(one.ids) for one in known.values()) - sum(len(one.ids) for one in kept.values())
    if path is not None and count:
        write_calibration(space, read_calibration(path), kept)
    return count


def _read_all(path: Path) -> dict[str, Familiar]:
    names = read_calibration(path).keys
    return {name: one for name in names if (one := read_familiar(path, name)) is not None}


def _without(familiar: Familiar, ids: Collection[str]) -> Familiar:
    kept = torch.tensor([n for n, row in enumerate(familiar.ids) if row not in ids]).long()
    references = familiar.measure.references[kept]
    kinds = familiar.kinds
    if kinds is not None:
        kinds = dataclasses.replace(kinds, references=references, concepts=kinds.concepts[kept])
    return Familiar(
        record=dataclasses.replace(familiar.record, references=len(kept)),
        measure=dataclasses.replace(familiar.measure, references=references),
        kinds=kinds,
        ids=tuple(familiar.ids[place] for place in kept.tolist()),
    )


def _tensors(familiar: Familiar) -> dict[str, Tensor]:
    kinds = {} if familiar.kinds is None else vars(familiar.kinds)
    return {**kinds, **vars(familiar.measure)}  # the references are the same


def _render(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _fitted(version: object, content: object, *, expected: int) -> Calibration:
    if version != expected:
        raise ValueError(f"format version {version!r}, this SPANER reads {expected} there")
    return fit(content, Calibration)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with open_ordinary(path), safe_open(path, framework="pt") as file:
        yield file


def _parsed(file: Any, key: str) -> dict[str, Any]:
    text = (file.metadata() or {}).get(key)
    content = parse_json(text.encode("utf-8")) if text is not None else None
    if not isinstance(content, dict):
        raise ValueError(f"its metadata have no {key}")
    return content


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, SafetensorError) as error:
        why = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise SpaceError(
            f"{path} is no calibration that can be read ({why}); remove it, or make it anew with "
            f"{RENEW}"
        ) from error
