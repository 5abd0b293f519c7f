"""Reads and writes the shared prompt and the blocks appended to it.

A block's fingerprint covers the one before it, so the fingerprint of the last block stands for
the whole prompt up to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from spaner_core.data.names import compose, compose_distinct
from spaner_core.errors import OutputExists, SpaceError
from spaner_core.files.replacing import check_is_space, placed_at_end, writing_alone
from spaner_core.method.prompt import SharedPrompt
from spaner_core.space.parts import (
    WEIGHTS,
    block_card,
    fingerprint_part,
    prompt_card,
    read_record,
    write_card,
    write_part,
    write_receipt,
)
from spaner_core.space.prompt_checks import (
    check_block_header,
    check_concepts,
    check_numbers,
    check_prompt_header,
)
from spaner_core.space.receipts import RECEIPT, block_folders, hash_tree
from spaner_core.space.records import AlignerRecord, BlockRecord, PromptBlock, PromptRecord
from spaner_core.space.weights import StoredWeights, read_weights


@dataclass(frozen=True)
class StoredPrompt:
    """A prompt with all its blocks, the first one's record and what is known of each block."""

    prompt: SharedPrompt
    record: PromptRecord
    blocks: tuple[PromptBlock, ...]


def write_prompt(folder: Path, prompt: SharedPrompt, record: PromptRecord) -> str:
    """Write the first block; return its fingerprint."""
    write_part(folder, prompt.to_tensors(), record)
    fingerprint = fingerprint_part(folder)
    write_card(folder, prompt_card(record, fingerprint))
    return fingerprint


def read_prompt(folder: Path) -> StoredPrompt:
    """Read the prompt at `folder` and every block that was appended to it.

    Raises `SpaceError` where a block is missing, damaged, or continues another one.
    """
    record, path = read_record(folder, PromptRecord), folder / WEIGHTS

    def check(stored: StoredWeights) -> None:
        check_prompt_header(path, stored.header, record)

    tensors = read_weights(path, check=check)
    check_numbers(path, tensors)
    prompt = SharedPrompt.from_tensors(tensors)
    blocks = [_describe(record, fingerprint_part(folder))]
    for anchors, described in _later_blocks(
        folder, blocks[0].fingerprint, first=record, width=len(prompt.label_mean)
    ):
        prompt.append(anchors)
        blocks.append(described)
    check_concepts(folder, [block.concepts for block in blocks])
    return StoredPrompt(prompt, record, tuple(blocks))


def save_extension(
    space: Path, record: BlockRecord, *, anchors: Tensor, label_embeddings: Tensor
) -> Path:
    """Append a block of anchors (C', D) to the prompt of `space`; return its receipt's path.

    `label_embeddings` (C', P) are what the anchors were made from, (0, 0) where they are random.
    Every other file is hashed before and after. Raises `SpaceError` where the prompt has changed
    since, and `OutputExists` where another block is appended at the same moment.
    """
    with writing_alone(space):
        check_is_space(space)
        return _append(space, record, {"anchors": anchors, "label_embeddings": label_embeddings})


def _append(space: Path, record: BlockRecord, tensors: Mapping[str, Tensor]) -> Path:
    folders = block_folders(space)
    fingerprint = ""
    for folder in folders:
        fingerprint = fingerprint_part(folder, fingerprint)
    if fingerprint != record.previous:
        raise SpaceError(
            f"{space}/prompt has changed since it was read ({record.previous[:12]} then, "
            f"{fingerprint[:12]} now); extend it again"
        )
    part = f"prompt/block-{len(folders) + 1:04d}"
    before = hash_tree(space)
    try:
        with placed_at_end(space / part, beside=space) as new:
            write_part(new, tensors, record)
            write_card(new, block_card(record, fingerprint_part(new, fingerprint)))
            own = {f"{part}/{name}": value for name, value in hash_tree(new).items()}
            write_receipt(new, part, before=before, files={**hash_tree(space), **own})
    except FileExistsError as error:
        raise OutputExists(
            f"{space / part} was written by another process meanwhile; extend the prompt again"
        ) from error
    return space / part / RECEIPT


def _later_blocks(
    folder: Path, fingerprint: str, *, first: PromptRecord, width: int
) -> Iterator[tuple[Tensor, PromptBlock]]:
    for number, block in enumerate(block_folders(folder.parent)[1:], start=2):
        if block.name != f"block-{number:04d}":
            raise SpaceError(
                f"{folder / f'block-{number:04d}'} is missing, but there is {block.name}; restore "
                "it from a copy"
            )
        record = read_record(block, BlockRecord)
        if record.previous != fingerprint or record.anchors != first.anchors:
            raise SpaceError(
                f"{block} does not continue the prompt before it ({fingerprint[:12]}): one of them "
                "was changed or replaced; restore it from a copy"
            )
        anchors = _read_block(block / WEIGHTS, record, dim=first.dim, width=width)
        fingerprint = fingerprint_part(block, fingerprint)
        yield anchors, _describe(record, fingerprint)


def _read_block(path: Path, record: BlockRecord, *, dim: int, width: int) -> Tensor:
    def check(stored: StoredWeights) -> None:
        check_block_header(path, stored.header, record, dim=dim, width=width)

    tensors = read_weights(path, check=check)
    check_numbers(path, tensors)
    return tensors["anchors"]


def _describe(record: PromptRecord | BlockRecord, fingerprint: str) -> PromptBlock:
    return PromptBlock(
        fingerprint=fingerprint, concepts=record.concepts, label_texts=record.label_texts
    )


def name_alike(
    blocks: Sequence[PromptBlock], records: Mapping[str, AlignerRecord]
) -> tuple[tuple[PromptBlock, ...], dict[str, AlignerRecord]]:
    """Name concepts as names are compared, however they are written on disk.

    The texts that they are called by stay as they are written.
    """
    names = compose_distinct(concept for block in blocks for concept in block.concepts)
    named = tuple(
        replace(
            block,
            concepts=tuple(names[concept] for concept in block.concepts),
            label_texts={names.get(c, compose(c)): texts for c, texts in block.label_texts.items()},
        )
        for block in blocks
    )
    return named, {
        name: replace(r, concepts=tuple(names.get(c, compose(c)) for c in r.concepts))
        for name, r in records.items()
    }
