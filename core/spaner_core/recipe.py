"""What a user may choose about the prompt, the loss and the training; defaults were measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

MOST_DIM = 2**16


@dataclass(frozen=True, kw_only=True)
class PromptRecipe:
    """How the shared prompt is made.

    `dim` is D. `strength` in [0, 1] is how hard the prompt pulls at use time. `anchors` says where
    anchors come from: concept names ("labels"), nowhere ("random"), or names where these say
    something about the rows ("auto"). `whitening` keeps small directions of the names' space from
    being blown up; `read_out_sharpness` is where beta starts.
    """

    dim: int = 128
    strength: float = 0.5
    anchors: Literal["auto", "labels", "random"] = "auto"
    whitening: float = 0.1
    read_out_sharpness: float = 5.0

    def __post_init__(self) -> None:
        _require(2 <= self.dim <= MOST_DIM, f"dim: {self.dim} given; give 2 to {MOST_DIM}")
        _require(0 <= self.strength <= 1, f"strength: {self.strength} given; give 0 to 1")
        _require(self.whitening > 0, f"whitening: {self.whitening} given; give a number above 0")
        _require(
            0 < self.read_out_sharpness <= 50,
            f"read_out_sharpness: {self.read_out_sharpness} given; give a number above 0, up to 50",
        )


@dataclass(frozen=True, kw_only=True)
class LossRecipe:
    """How the alignment loss weighs its parts.

    `anchor_weight` is the weight of the anchor loss beside the contrast (lambda), `scale` where
    the learned sharpness of both starts.
    """

    anchor_weight: float = 1.0
    scale: float = 10.0

    def __post_init__(self) -> None:
        _require(
            self.anchor_weight >= 0, f"anchor_weight: {self.anchor_weight} given; give 0 or more"
        )
        _require(
            0 < self.scale <= 100, f"scale: {self.scale} given; give a number above 0, up to 100"
        )


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """How the aligners are trained; names are those of `transformers.TrainingArguments`.

    `per_device_train_batch_size` counts rows of each modality, drawn independently.
    """

    max_steps: int = 250
    per_device_train_batch_size: int = 96
    learning_rate: float = 2e-3
    adam_beta2: float = 0.98
    warmup_steps: int = 15
    weight_decay: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("max_steps", "per_device_train_batch_size"):
            value = getattr(self, name)
            _require(value >= 1, f"{name}: {value} given; give a whole number from 1")
        for name in ("warmup_steps", "weight_decay", "seed"):
            value = getattr(self, name)
            _require(value >= 0, f"{name}: {value} given; give 0 or more")
        _require(self.learning_rate > 0, f"learning_rate: {self.learning_rate} given; give above 0")
        _require(0 < self.adam_beta2 < 1, f"adam_beta2: {self.adam_beta2} given; give 0 to 1")


@dataclass(frozen=True, kw_only=True)
class MonitoringRecipe:
    """How a training is measured as it goes; names are those that `transformers` has for it.

    Validation rows are measured every `eval_steps` steps and after the last one, not at all with
    None. `early_stopping_patience` is how many measurements in a row may bring no better mAP before
    training stops and goes back to its best state. `report_to` says who is told besides the log.
    """

    eval_steps: int | None = None
    early_stopping_patience: int | None = None
    report_to: Literal["none", "tensorboard"] = "none"

    def __post_init__(self) -> None:
        for name in ("eval_steps", "early_stopping_patience"):
            value = getattr(self, name)
            _require(value is None or value >= 1, f"{name}: {value} given; give 1 or more")
        measures = self.eval_steps is not None
        for name, off in (("early_stopping_patience", None), ("report_to", "none")):
            value = getattr(self, name)
            _require(measures or value == off, f"{name}: {value} given; give eval_steps beside it")

    @property
    def deciding(self) -> dict[str, int]:
        """What of it decides which weights come out: nothing, unless training may stop early."""
        if self.eval_steps is None or self.early_stopping_patience is None:
            return {}
        return {
            "eval_steps": self.eval_steps,
            "early_stopping_patience": self.early_stopping_patience,
        }


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides a training besides the data, the encoders and an early end."""

    prompt: PromptRecipe = field(default_factory=PromptRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)
    training: TrainingRecipe = field(default_factory=TrainingRecipe)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
