"""MiniLM with LoRA and an aligner, trained together against a prompt that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from made_inputs import minilm
from peft import LoraConfig, get_peft_model
from spaner_core.contract.modality import RowBatch
from spaner_core.method.aligner import build_aligner
from spaner_core.method.losses import anchor_loss
from spaner_core.method.prompt import SharedPrompt
from spaner_core.recipe import TrainingRecipe
from spaner_text.encoders.transformers_encoder import TransformerEncoder
from spaner_text.options import TransformerOptions
from spaner_text.reader import build_reader
from spaner_text.transform import WindowsTransform
from torch import Tensor
from transformers import get_cosine_schedule_with_warmup, set_seed

LORA = LoraConfig(r=8, lora_alpha=16, target_modules=["query", "value"])
LORA_RATE = 1e-3


class FineTuning:
    """Reads `texts` of the anchors `concepts` (n,) once for the statistics, then trains on them."""

    def __init__(
        self,
        prompt: SharedPrompt,
        texts: Sequence[str],
        concepts: Tensor,
        *,
        training: TrainingRecipe,
        steps: int,
    ) -> None:
        options = TransformerOptions(model=str(minilm()))
        set_seed(training.seed)
        self.prompt, self.concepts, self.training = prompt.freeze(), concepts, training
        self.encoder = TransformerEncoder(options)
        self.transform = WindowsTransform(self.encoder.tokens, options)
        self.windows = self._prepare(texts)
        self.encoder.transformer = get_peft_model(self.encoder.transformer, LORA).eval()
        self.aligner = build_aligner(
            self.encoder.features,
            prompt.anchors.shape[1],
            {},
            own_reader=build_reader,
        )
        self.aligner.fit_statistics(self._read(), concept_count=len(prompt.anchors))
        self.optimiser = self._make_optimiser()
        self.schedule = get_cosine_schedule_with_warmup(
            self.optimiser, training.warmup_steps, steps
        )

    def train(self, first: int, *, steps: int) -> None:
        """Take steps; each trains on the texts that SPANER draws for the step of that number."""
        self.encoder.transformer.train()
        self.aligner.train()
        for number in range(first, first + steps):
            self._step(number)

    def _step(self, number: int) -> None:
        generator = torch.Generator().manual_seed(self.training.seed * 1_000_003 + number)
        drawn = torch.randperm(len(self.windows), generator=generator)
        places = drawn[: self.training.per_device_train_batch_size]
        tokens, mask = self._encode([self.windows[place] for place in places.tolist()])
        alignment = self.aligner(
            tokens, mask, self.prompt.anchors, beta=self.prompt.beta, strength=0.0
        )
        loss: Any = anchor_loss(alignment.direction, self.concepts[places], self.prompt)
        loss.backward()
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad()

    def embed(self, texts: Sequence[str], *, strength: float) -> Tensor:
        """Embed texts, (n, D)."""
        self.encoder.transformer.eval()
        self.aligner.eval()
        with torch.no_grad():
            tokens, mask = self._encode(self._prepare(texts))
            embedding: Tensor = self.aligner(
                tokens, mask, self.prompt.anchors, beta=self.prompt.beta, strength=strength
            ).embedding
        return embedding

    def _prepare(self, texts: Sequence[str]) -> list[Tensor]:
        return [self.transform.prepare(self.transform.decode(text))[0] for text in texts]

    def _encode(self, windows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        return self.encoder(self.encoder.collate(windows))

    def _read(self) -> list[RowBatch]:
        size = self.training.per_device_train_batch_size
        with torch.no_grad():
            return [
                RowBatch(
                    *self._encode(self.windows[start : start + size]),
                    self.concepts[start : start + size],
                )
                for start in range(0, len(self.windows), size)
            ]

    def _make_optimiser(self) -> torch.optim.Optimizer:
        """Return AdamW as the Trainer has it; only matrices decay."""
        lora: list[Any] = [p for p in self.encoder.transformer.parameters() if p.requires_grad]
        head, decay = list(self.aligner.parameters()), self.training.weight_decay
        groups: list[dict[str, Any]] = [
            {"params": lora, "lr": LORA_RATE, "weight_decay": decay},
            {"params": [p for p in head if p.ndim >= 2], "weight_decay": decay},
            {"params": [p for p in head if p.ndim < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            groups, lr=self.training.learning_rate, betas=(0.9, self.training.adam_beta2)
        )
