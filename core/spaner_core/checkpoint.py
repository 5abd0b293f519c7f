"""Spaces on disk.

    <space>/prompt/              config.json  model.safetensors  receipt.json  README.md
    <space>/aligners/<modality>/ the same

No file lists the parts: a modality is attached by one new folder that is renamed into place, and
every other byte stays as it was.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from spaner_core.cards import aligner_card, prompt_card
from spaner_core.errors import OutputExists, SpaceError
from spaner_core.modality import Aligner
from spaner_core.prompt import AnchorSet, SharedPrompt, chain_fingerprint
from spaner_core.receipts import RECEIPT, hash_tree, render_receipt
from spaner_core.replacing import check_is_space, replaced_at_end
from spaner_core.space import AlignerBuilder, AlignerRecord, PromptRecord, Space

FORMAT_VERSION = 1
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"

RecordT = TypeVar("RecordT", PromptRecord, AlignerRecord)


def save_space(
    folder: Path,
    prompt: SharedPrompt,
    record: PromptRecord,
    aligners: Mapping[str, tuple[Aligner, AlignerRecord]],
    *,
    overwrite: bool = False,
) -> None:
    """Write a whole space, all of it or nothing.

    Each aligner's `prompt_fingerprint` is filled in here, since it is known only once the prompt
    is written. Raises `OutputExists` if `folder` exists and `overwrite` is false, and
    `SpaceError` if what exists is no space.
    """
    check_output(folder, overwrite=overwrite)
    with replaced_at_end(folder) as new:
        fingerprint = _write_prompt(new / "prompt", prompt, record)
        for name, (aligner, aligner_record) in aligners.items():
            filled = dataclasses.replace(aligner_record, prompt_fingerprint=fingerprint)
            _write_aligner(new / "aligners" / name, aligner, filled)
        files = hash_tree(new)
        for part in ("prompt", *(f"aligners/{name}" for name in aligners)):
            _write_receipt(new / part, part, before={}, files=files)


def save_attached(folder: Path, aligner: Aligner, record: AlignerRecord) -> Path:
    """Add `aligners/<modality>/` to the space at `folder`; return its receipt's path.

    Every other file is hashed before and after. Raises `OutputExists` if the space has that
    modality.
    """
    part = f"aligners/{record.modality}"
    if (folder / part).exists():
        raise OutputExists(_has_modality(folder, record.modality))
    if record.prompt_fingerprint != (found := _prompt_fingerprint(folder / "prompt")):
        raise SpaceError(
            f"{folder}/prompt is another prompt ({found[:12]}) than the one that "
            f"{record.modality!r} was trained against ({record.prompt_fingerprint[:12]}); attach "
            "it again"
        )
    before = hash_tree(folder)
    with replaced_at_end(folder / part, beside=folder) as new:
        _write_aligner(new, aligner, record)
        own = {f"{part}/{name}": value for name, value in hash_tree(new).items()}
        _write_receipt(new, part, before=before, files={**hash_tree(folder), **own})
    return folder / part / RECEIPT


def load_space(folder: Path, *, build_aligner: AlignerBuilder) -> Space:
    """Open the space at `folder`; aligners are read when first used.

    Raises `SpaceError` when it is no space, or was made by another format or another prompt.
    """
    check_is_space(folder)
    prompt_folder = folder / "prompt"
    prompt, record = _read_prompt(prompt_folder)
    fingerprint = _prompt_fingerprint(prompt_folder)
    records = {
        path.name: _read_record(path / CONFIG, AlignerRecord)
        for path in sorted(folder.glob("aligners/*"))
        if path.is_dir()
    }
    _check_prompts(folder, fingerprint, records)

    def load_aligner(name: str) -> Aligner:
        aligner: Any = build_aligner(records[name])
        _load_weights(aligner, folder / "aligners" / name / WEIGHTS)
        aligner.requires_grad_(False)
        aligner.eval()
        loaded: Aligner = aligner
        return loaded

    return Space(
        prompt, record, fingerprint=fingerprint, records=records, load_aligner=load_aligner
    )


def _check_prompts(folder: Path, own: str, records: Mapping[str, AlignerRecord]) -> None:
    """Raise `SpaceError` where aligners were trained against another prompt than the space's."""
    strangers = [name for name, record in records.items() if record.prompt_fingerprint != own]
    if strangers and len(strangers) == len(records):
        raise SpaceError(
            f"{folder / 'prompt'} is another prompt ({own[:12]}) than every aligner was trained "
            "against: it was changed or replaced. Restore it from a copy, or train anew"
        )
    if strangers:
        raise SpaceError(
            f"{folder / 'aligners' / strangers[0]} was trained against another prompt than this "
            f"space's ({own[:12]}); remove that folder and attach {strangers[0]!r} again"
        )


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Raise `OutputExists` or `SpaceError` if a new space must not be written to `folder`."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / "prompt" / CONFIG).is_file():
        raise OutputExists(f"{folder} exists and is no space; give another --space")
    if not overwrite:
        raise OutputExists(
            f"{folder} holds a space already; add a modality with `spaner attach NAME`, or train "
            "anew with --overwrite"
        )


def check_attachable(space: Space, folder: Path, modality: str) -> None:
    """Raise `OutputExists` if the space has `modality` already."""
    if modality in space.records:
        raise OutputExists(_has_modality(folder, modality))


def _has_modality(folder: Path, modality: str) -> str:
    return (
        f"{folder} has the modality {modality!r} already; an attached modality is not overwritten. "
        "Give another --space, or another name"
    )


def _write_prompt(folder: Path, prompt: SharedPrompt, record: PromptRecord) -> str:
    _write_part(folder, prompt.state_dict(), record)
    fingerprint = _prompt_fingerprint(folder)
    (folder / CARD).write_text(prompt_card(record, fingerprint), encoding="utf-8")
    return fingerprint


def _write_aligner(folder: Path, aligner: Any, record: AlignerRecord) -> None:
    _write_part(folder, aligner.state_dict(), record)
    (folder / CARD).write_text(aligner_card(record), encoding="utf-8")


def _write_part(
    folder: Path, tensors: Mapping[str, Tensor], record: PromptRecord | AlignerRecord
) -> None:
    folder.mkdir(parents=True)
    # as bytes: save_file would make the file readable for its owner alone
    weights = save({name: tensor.contiguous() for name, tensor in tensors.items()})
    (folder / WEIGHTS).write_bytes(weights)
    config = {"format_version": FORMAT_VERSION, **dataclasses.asdict(record)}
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def _write_receipt(
    folder: Path, part: str, *, before: Mapping[str, str], files: Mapping[str, str]
) -> None:
    prefix = f"{part}/"
    own = {name.removeprefix(prefix): files[name] for name in files if name.startswith(prefix)}
    after = {name: files[name] for name in files if not name.startswith(prefix)}
    text = render_receipt(part, own=own, before=before, after=after)
    (folder / RECEIPT).write_text(text, encoding="utf-8")


def _prompt_fingerprint(folder: Path) -> str:
    return chain_fingerprint("", (folder / WEIGHTS).read_bytes(), (folder / CONFIG).read_bytes())


def _read_prompt(folder: Path) -> tuple[SharedPrompt, PromptRecord]:
    record = _read_record(folder / CONFIG, PromptRecord)
    tensors = _read_tensors(folder / WEIGHTS)
    try:
        prompt = SharedPrompt(
            AnchorSet(**{f.name: tensors[f.name] for f in dataclasses.fields(AnchorSet)})
        )
        prompt.load_state_dict(tensors)
    except (KeyError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise SpaceError(
            f"{folder / WEIGHTS} does not hold a prompt ({first}); restore it from a copy"
        ) from error
    return prompt, record


def _read_record(path: Path, kind: type[RecordT]) -> RecordT:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        version = config.pop("format_version")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SpaceError(
            f"{path} cannot be read ({error}); restore it from a copy, or train anew"
        ) from error
    if version != FORMAT_VERSION:
        raise SpaceError(
            f"{path} has format version {version}; this SPANER reads {FORMAT_VERSION}. "
            "Use the version of SPANER that wrote it"
        )
    known = {field.name for field in dataclasses.fields(kind)}
    if unknown := sorted(config.keys() - known):
        raise SpaceError(
            f"{path} has keys that this SPANER does not know ({', '.join(unknown)}); restore it "
            "from a copy, or use the version that wrote it"
        )
    try:
        return TypeAdapter(kind).validate_python(config)
    except ValidationError as error:
        where = ".".join(str(key) for key in error.errors()[0]["loc"])
        raise SpaceError(
            f"{path} was changed: {where}: {error.errors()[0]['msg']}; restore it from a copy, or "
            "train anew"
        ) from error


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return dict(load(path.read_bytes()))
    except PermissionError as error:
        raise SpaceError(f"{path} may not be read; ask its owner for permission") from error
    except (OSError, SafetensorError) as error:
        raise SpaceError(
            f"{path} cannot be read ({error}); restore it from a copy, or train anew"
        ) from error


def _load_weights(module: nn.Module, path: Path) -> None:
    try:
        module.load_state_dict(_read_tensors(path))
    except RuntimeError as error:
        first = str(error).splitlines()[0]
        raise SpaceError(
            f"{path} does not fit the aligner that its config.json describes ({first})"
        ) from error
