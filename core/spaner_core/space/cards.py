"""Writes cards: the README.md in every part of a space."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spaner_core.space.records import AlignerRecord, BlockRecord, PromptRecord

PAPER = (
    "SPANER: Shared Prompt Aligner for Multimodal Semantic Representation "
    "(Ng, Han, Holden, 2025, arXiv 2508.13387), in a reading by other people"
)


def prompt_card(record: PromptRecord, fingerprint: str) -> str:
    """Describe a shared prompt."""
    origin = (
        f"names of the concepts, embedded by `{record.label_source.modality}`"
        if record.label_source and record.anchors == "labels"
        else "a simplex in a random orientation"
    )
    concepts = "\n".join(f"- {concept}" for concept in record.concepts) or "- none"
    return f"""# Shared prompt

{len(record.concepts)} concept anchors of {record.dim} dimensions, made from {origin}.
Default pull strength {record.strength}. Fingerprint `{fingerprint}`.

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
    return f"""# Aligner `{record.modality}`

From {tokens} tokens of {record.features.dim} dimensions to the shared space, read with
{record.anchor_count} anchors of the prompt `{record.prompt_fingerprint[:12]}`.

- plugin: `{record.modality}` of `{record.distribution}` {record.version}
- encoder: `{record.encoder_fingerprint[:12]}`, options `{json.dumps(dict(record.encoder_options))}`
- concepts with labelled rows: {", ".join(record.concepts)}

Method: {PAPER}.
"""
