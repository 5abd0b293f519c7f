"""Reads and writes one aligner on disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from spaner_core.contract.modality import Aligner, Reader
from spaner_core.devices import one_thread
from spaner_core.errors import SpaceError, one_line
from spaner_core.method.aligner import CrossAttentionAligner
from spaner_core.method.prompt import SharedPrompt
from spaner_core.space.parts import (
    CONFIG,
    WEIGHTS,
    aligner_card,
    fingerprint_part,
    read_record,
    write_card,
    write_part,
)
from spaner_core.space.records import AlignerRecord, PromptBlock
from spaner_core.space.weights import StoredWeights, look_at_weights, read_weights

_MISSHAPEN = re.compile(r"size mismatch for ([^\s:]+):")  # how torch names them

SPARE_BYTES = 2**26
"""What weights may take besides class means, for each of which all of the aligner would do."""


@dataclass(frozen=True)
class Found:
    """An aligner that belongs to the space's prompt."""

    record: AlignerRecord
    fingerprint: str


class Stranger(SpaceError):  # noqa: N818  (it is handed on, and raised when the part is used)
    """An aligner that belongs to another prompt."""


def look_at_aligner(part: Path, blocks: Sequence[PromptBlock]) -> Found | SpaceError:
    """Read what an aligner says of itself, or what is wrong with it: others may still be used."""
    try:
        look_at_weights(part / WEIGHTS)
        fingerprint = fingerprint_part(part)  # first: a replacement meanwhile is noticed later
        record = read_record(part, AlignerRecord)
    except SpaceError as error:
        return error
    if record.modality != part.name:
        return SpaceError(
            f"{part / CONFIG} is of modality {record.modality!r}; expected {part.name!r}, as its "
            "folder is called; restore it from a copy"
        )
    if fits(record, blocks):
        return Found(record, fingerprint)
    return Stranger(
        f"{part} was trained against another prompt than this space's "
        f"({blocks[-1].fingerprint[:12]}); restore that folder from a copy of this space, "
        "or train the space anew with `spaner train --overwrite`"
    )


def fits(record: AlignerRecord, blocks: Sequence[PromptBlock]) -> bool:
    """Tell whether an aligner was trained against these blocks or the first few of them."""
    count = 0
    for block in blocks:
        count += len(block.concepts)
        if (record.prompt_fingerprint, record.anchor_count) == (block.fingerprint, count):
            return True
    return False


def write_aligner(folder: Path, aligner: Any, record: AlignerRecord) -> None:
    """Write an aligner's weights, record and card to a new folder."""
    write_part(folder, aligner.state_dict(), record)
    write_card(folder, aligner_card(record))


def read_aligner(part: Path, found: Found, *, build: Callable[[AlignerRecord], Aligner]) -> Aligner:
    """Build the aligner that was found at `part` and give it its weights, frozen.

    Raises `SpaceError` where it was replaced, or its weights are not those of the aligner that its
    config.json describes.
    """
    if fingerprint_part(part) != found.fingerprint:
        raise SpaceError(f"{part} was replaced since the space was opened; open it again")
    path, count = part / WEIGHTS, found.record.anchor_count
    with Allowance(
        stored_bytes=look_at_weights(path).size_bytes,
        said=_unfit(path, "the aligner that config.json describes would take far more room"),
    ):
        aligner: Any = build(found.record)

    def check(stored: StoredWeights) -> None:
        own = sum(tensor.nbytes for tensor in aligner.state_dict().values())
        if stored.size_bytes > SPARE_BYTES + (2 + count) * own:
            raise SpaceError(_unfit(path, f"{stored.size_bytes} bytes are too many"))

    weights = read_weights(path, check=check)
    if isinstance(aligner, CrossAttentionAligner) and "item_map.weight" in weights:
        aligner.item_map.make_room()
    load_state(aligner, weights, path=path)
    if isinstance(aligner, CrossAttentionAligner) and aligner.concept_count != count:
        raise SpaceError(
            _unfit(path, f"it has class means of {aligner.concept_count} concepts, not of {count}")
        )
    aligner.requires_grad_(False)
    aligner.eval()
    loaded: Aligner = aligner
    return loaded


def restore_label_reader(
    space: Path, prompt: SharedPrompt, *, build: Callable[[], Aligner]
) -> Reader:
    """Build the reader that read the names of the first concepts, as it was then.

    `build` makes an aligner of the modality that embeds names. Raises `SpaceError` where what the
    prompt keeps of that reader is not the state of such a one.
    """
    path, width = space / "prompt" / WEIGHTS, len(prompt.label_mean)
    said = _unfit(path, "the reader that label_source describes would take far more room")
    with Allowance(stored_bytes=look_at_weights(path).size_bytes, said=said):
        aligner: Any = build()
    load_state(aligner.reader, prompt.label_reader, path=path)
    reader: Reader = aligner.reader
    if reader.width != width:
        raise SpaceError(
            _unfit(path, f"label_mean has {width} numbers, names are read as {reader.width}")
        )
    return reader


def load_state(module: nn.Module, tensors: Mapping[str, Tensor], *, path: Path) -> None:
    """Give `module` the state that was stored at `path`.

    Raises `SpaceError` unless names, shapes and dtypes are the module's own, and the numbers
    finite where they are in a new one.
    """
    _check_names(path, module, tensors)
    with one_thread():
        _check_numbers(path, module, tensors)
    try:
        module.load_state_dict(dict(tensors))
    except Exception as error:  # a plugin's module may read its state in its own way
        misshapen = [f"{n} is {tuple(tensors[n].shape)}" for n in _MISSHAPEN.findall(str(error))]
        raise SpaceError(_unfit(path, ", ".join(misshapen) or one_line(error))) from error


def _check_numbers(path: Path, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    parameters = {name for name, _ in module.named_parameters()}
    for name, own in module.state_dict().items():
        stored = tensors[name]
        if stored.dtype != own.dtype:
            raise SpaceError(_unfit(path, f"{name} is {stored.dtype}, not {own.dtype}"))
        may_be_infinite = name not in parameters and not torch.isfinite(own).all()
        wrong = stored.isnan() if may_be_infinite else ~torch.isfinite(stored)
        if wrong.any():
            raise SpaceError(_unfit(path, f"{name} holds NaN or infinite numbers"))


def _check_names(path: Path, module: nn.Module, stored: Mapping[str, object]) -> None:
    own = module.state_dict().keys()
    for names, what in ((own - stored.keys(), "it lacks"), (stored.keys() - own, "it has also")):
        if names:
            raise SpaceError(_unfit(path, f"{what} {', '.join(sorted(names))}"))


def _unfit(path: Path, why: str) -> str:
    return (
        f"{path} does not fit its config.json ({why}); restore both from a copy, or train the "
        "aligner anew"
    )


ALWAYS_BYTES = 2**29
"""What any aligner may take besides its weights, while it is built."""

_MAKERS: frozenset[Callable[..., Tensor]] = frozenset(
    {
        *(torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn),
        *(torch.randint, torch.randperm, torch.eye, torch.arange, torch.linspace, torch.logspace),
        *(Tensor.new_empty, Tensor.new_zeros, Tensor.new_ones, Tensor.new_full),
    }
)


class Allowance(TorchFunctionMode):
    """Refuses new tensors beyond a bound, before any of their memory is taken.

    An aligner is built by a plugin from numbers that a stranger's config.json may hold. What is
    built will be given the weights that are stored, so it needs about as much as they do:
    `stored_bytes`. Within the block every call is made as it is. Raises `SpaceError` with `said`,
    which ends with what to do.
    """

    def __init__(self, *, stored_bytes: int, said: str) -> None:
        super().__init__()
        self._left_bytes = ALWAYS_BYTES + 2 * stored_bytes
        self._said = said

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Count what a call would make, then make it."""
        given = dict(kwargs or {})
        if func in _MAKERS:
            self._left_bytes -= _size_bytes(func, args, given)
            if self._left_bytes < 0:
                raise SpaceError(self._said)
        return func(*args, **given)


def _size_bytes(func: Callable[..., Tensor], args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Return the bytes that a call would take, 0 where it will fail by itself."""
    plain = {key: v for key, v in kwargs.items() if key not in ("generator", "pin_memory", "out")}
    try:
        planned = func(*args, **{**plain, "device": "meta"})  # a shape without memory
    except (RuntimeError, TypeError, ValueError):
        return 0
    return planned.numel() * planned.element_size()
