"""LoRA on the text encoder, trained end to end with MLP heads on every modality (MiniLM only)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import torch
from datasets import TEXT
from lora import LORA
from made_inputs import minilm
from peft import get_peft_model
from spaner.splits import TRAIN_SPLIT
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows
from spaner_text.encoders.transformers_encoder import TransformerEncoder
from spaner_text.options import TransformerOptions
from spaner_text.transform import WindowsTransform
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import set_seed

from baselines.contrast import Contrast
from baselines.heads import Head, count_trained, embed_points, train_heads, training_of
from baselines.reading import fitted_aligner, read
from baselines.task import Outcome, Settings, Task


class TunedTexts(nn.Module):
    """Reads texts with a transformer that trains, centred as the frozen one's features were."""

    def __init__(self, encoder: TransformerEncoder, centre: Tensor, head: Head) -> None:
        super().__init__()
        self.encoder, self.centre, self.head = encoder, centre, head
        self.transformer = encoder.transformer = get_peft_model(encoder.transformer, LORA)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Embed texts given as ids (B, n, 1), kept as float32 like features: exact below 2²⁴."""
        tokens, real = self.encoder({"ids": ids.squeeze(-1).long(), "mask": mask})  # (B, 1, E)
        unit = functional.normalize(functional.normalize(tokens, dim=-1) - self.centre, dim=-1)
        embedded: Tensor = self.head(unit * math.sqrt(unit.shape[-1]), real)
        return embedded


def tuned_encoder(task: Task, settings: Settings) -> Outcome:
    """Train as MLP + SupCon does, and MiniLM's queries and values with it (rank 8)."""
    set_seed(task.seed)
    reading = read(task)
    heads: dict[str, nn.Module] = {
        name: Head("mlp", points.values.shape[1], dropout=settings["dropout"])
        for name, points in reading.rows.items()
    }
    reader = Texts()
    text_head: Any = heads[TEXT]
    heads[TEXT] = TunedTexts(reader.encoder, fitted_aligner(task, TEXT, {}).centre, text_head)
    rows = {name: points.as_rows() for name, points in reading.rows.items() if name != TEXT}
    texts = reader.rows(task.dataset.texts[TRAIN_SPLIT], task.rows[TEXT].concepts)
    written = [text for texts in task.dataset.material.label_texts.values() for text in texts]
    names = reader.rows(written, task.names.concepts)
    pairs = list(combinations(heads, 2))
    contrast = Contrast(pairs, kind="supcon", scale=settings["scale"], seed=task.seed)
    train_heads(heads, {TEXT: texts, **rows}, names, contrast, training_of(task, settings))
    shown = reader.read(task.written)
    with torch.no_grad():
        embeddings = {TEXT: heads[TEXT](shown.values, shown.mask)}
    embeddings |= {name: embed_points(heads[name], reading.shown[name]) for name in rows}
    return Outcome(embeddings=embeddings, parameters=count_trained([*heads.values(), contrast]))


class Texts:
    """Texts as the ids that MiniLM reads."""

    def __init__(self) -> None:
        options = TransformerOptions(model=str(minilm()))
        self.encoder = TransformerEncoder(options)
        self.transform = WindowsTransform(self.encoder.tokens, options)

    def read(self, texts: Sequence[str]) -> FeatureRows:
        """Return ids (n, tokens, 1), padded behind."""
        ids = [self.transform.prepare(self.transform.decode(text))[0] for text in texts]
        mask = pad_sequence([torch.ones(len(row), dtype=torch.bool) for row in ids], True)
        return FeatureRows(values=pad_sequence(ids, True).unsqueeze(-1).float(), mask=mask)

    def rows(self, texts: Sequence[str], concepts: Tensor) -> LabelledRows:
        """Return texts with their concepts (n,)."""
        items = torch.full_like(concepts, -1)
        return LabelledRows(features=self.read(texts), concepts=concepts, items=items)
