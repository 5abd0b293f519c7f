"""Reads and writes one part of a space: four files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from safetensors.torch import save
from torch import Tensor

from spaner_core.errors import SpaceError
from spaner_core.files.documents import fit, read_versioned
from spaner_core.files.ordinary import open_ordinary
from spaner_core.method.prompt import chain_fingerprint
from spaner_core.space.receipts import RECEIPT, render_receipt
from spaner_core.space.records import AlignerRecord, BlockRecord, PromptRecord
from spaner_core.space.weights import reading

FORMAT_VERSION = 1
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
PAPER = (
    "SPANER: Shared Prompt Aligner for Multimodal Semantic Representation "
    "(Ng, Han, Holden, 2025, arXiv 2508.13387), in a reading by other people"
)

Record = PromptRecord | BlockRecord | AlignerRecord
RecordT = TypeVar("RecordT", PromptRecord, BlockRecord, AlignerRecord)


def write_part(folder: Path, tensors: Mapping[str, Tensor], record: Record) -> None:
    """Write config.json and model.safetensors to a new folder."""
    folder.mkdir(parents=True)
    # as bytes: save_file would make the file readable for its owner alone
    weights = save({name: tensor.contiguous() for name, tensor in tensors.items()})
    (folder / WEIGHTS).write_bytes(weights)
    config = {"format_version": FORMAT_VERSION, **dataclasses.asdict(record)}
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8", newline="\n")


def write_card(folder: Path, text: str) -> None:
    """Write the part's README.md."""
    (folder / CARD).write_text(text, encoding="utf-8", newline="\n")


def write_receipt(
    folder: Path,
    part: str,
    *,
    before: Mapping[str, str],
    files: Mapping[str, str],
    replaced: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write the receipt of `part` to `folder`; `files` are the whole space's, its own included."""
    prefix = f"{part}/"
    own = {name.removeprefix(prefix): files[name] for name in files if name.startswith(prefix)}
    after = {name: files[name] for name in files if not name.startswith(prefix)}
    text = render_receipt(part, own=own, before=before, after=after, replaced=replaced or {})
    (folder / RECEIPT).write_text(text, encoding="utf-8", newline="\n")


def fingerprint_part(folder: Path, previous: str = "") -> str:
    """Fingerprint a part's weights and record, and the block `previous` that it continues.

    Raises `SpaceError` where a file cannot be read.
    """
    weights, config = (_digest(folder / name) for name in (WEIGHTS, CONFIG))
    return chain_fingerprint(previous, weights, config)


def read_record(folder: Path, kind: type[RecordT]) -> RecordT:
    """Read a part's config.json; raises `SpaceError` where it is not as this SPANER writes it."""
    path = folder / CONFIG
    with reading(path):
        version, config = read_versioned(path)
        json.dumps(config, ensure_ascii=False).encode()  # half a surrogate pair is no character
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
        return fit(config, kind)
    except ValueError as error:
        raise SpaceError(
            f"{path} was changed: {error}; restore it from a copy, or train anew"
        ) from error


def _digest(path: Path) -> bytes:
    with reading(path), open_ordinary(path) as file:
        return hashlib.file_digest(file, "sha256").digest()


def prompt_card(record: PromptRecord, fingerprint: str) -> str:
    """Describe a shared prompt."""
    origin = (
        f"names of the concepts, embedded by `{record.label_source.modality}`"
        if record.label_source and record.anchors == "labels"
        else "a simplex in a random orientation"
    )
    same = "".join(f", {at} for the same {what}" for what, at in record.trained_strengths.items())
    concepts = "\n".join(f"- {concept}" for concept in record.concepts) or "- none"
    return f"""# Shared prompt

{len(record.concepts)} concept anchors of {record.dim} dimensions, made from {origin}.
Pull strength {record.strength} by default{same}. Fingerprint `{fingerprint}`.

Method: {PAPER}.

## Concepts

{concepts}
"""


def block_card(record: BlockRecord, fingerprint: str) -> str:
    """Describe a block of anchors that was appended to a prompt."""
    origin = "names" if record.anchors == "labels" else "random directions"
    concepts = "\n".join(f"- {concept}" for concept in record.concepts)
    return f"""# Later concepts

{len(record.concepts)} concept anchors, made from {origin} and appended to the prompt
`{record.previous[:12]}`. Aligners trained before do not read them. Fingerprint `{fingerprint}`.

Method: {PAPER}.

## Concepts

{concepts}
"""


def aligner_card(record: AlignerRecord) -> str:
    """Describe one modality's aligner."""
    tokens = record.features.tokens or "a varying number of"
    linked = ", ".join(f"{count:,} with `{name}`" for name, count in record.pairs.items())
    pairs = f"- pairs that it was attached by: {linked}\n" if linked else ""
    return f"""# Aligner `{record.modality}`

From {tokens} tokens of {record.features.dim} dimensions to the shared space, read with
{record.anchor_count} anchors of the prompt `{record.prompt_fingerprint[:12]}`.

- plugin: `{record.modality}` of `{record.distribution}` {record.version}
- encoder: `{record.encoder_fingerprint[:12]}`, options `{json.dumps(dict(record.encoder_options))}`
- concepts with labelled rows: {", ".join(record.concepts)}
{pairs}
Method: {PAPER}.
"""
