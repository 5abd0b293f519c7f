"""States the settings of prompt, loss and training, with measured defaults.

plugins.yaml, what tuning tries and what a space records are read from here.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, ValidationInfo
from pydantic.dataclasses import dataclass

from spaner_core.errors import ConfigError
from spaner_core.ranges import (
    AboveZero,
    BatchRows,
    Count,
    CountOrZero,
    InnerShare,
    Scale,
    Seed,
    Share,
    Sharpness,
    Width,
    YesOrNo,
    ZeroOrMore,
    expect,
)

NO_OTHER_KEYS = ConfigDict(extra="forbid")

THING_STRENGTH = 0.0
"""The pull strength at which items are trained, and the very same thing is looked for."""


@dataclass(frozen=True, kw_only=True, config=NO_OTHER_KEYS)
class PromptRecipe:
    """How the shared prompt is made.

    `dim` is D. `strength` in [0, 1] is how hard the prompt pulls at use time where the same kind of
    thing is looked for; for the very same thing it is `THING_STRENGTH`. `anchors` says where
    anchors come from: concept names ("labels"), nowhere ("random"), or names where these say
    something about the rows ("auto"). `whitening` keeps small directions of the names' space from
    being blown up; `read_out_sharpness` is where beta starts.
    """

    dim: Width = 128
    strength: Share = 0.5
    anchors: Literal["auto", "labels", "random"] = "auto"
    whitening: AboveZero = 0.1
    read_out_sharpness: Sharpness = 5.0


@dataclass(frozen=True, kw_only=True, config=NO_OTHER_KEYS)
class LossRecipe:
    """How the alignment loss weighs its parts.

    `anchor_weight` is the weight of the anchor loss beside the contrast (lambda), `item_weight`
    that of the contrast of items on the directions; with 0 items are contrasted only where a row
    has no concept, on the embeddings. `scale` is the sharpness of all parts.
    """

    anchor_weight: ZeroOrMore = 1.0
    item_weight: ZeroOrMore = 1.0
    scale: Scale = 10.0


FEWEST_STEPS, MOST_STEPS = 250, 10_000
"""Bounds of how many steps a training takes where nobody says how many."""

DRAWS_A_CONCEPT, DRAWS_A_ROW = 200, 5
"""How often a training draws each concept, and each row, as far as the bounds let it (measured)."""


@dataclass(frozen=True, kw_only=True, config=NO_OTHER_KEYS)
class TrainingRecipe:
    """How the aligners are trained; names are those of `transformers.TrainingArguments`.

    `max_steps` follows the data where it is None: `following` settles it.
    `per_device_train_batch_size` counts rows of each modality; a step draws shared
    concepts and items first, then rows of each. `check_labels` has labels count less that class
    means doubt, `use_unlabelled` has rows without a concept help the class means.
    """

    max_steps: Count | None = None
    per_device_train_batch_size: BatchRows = 96
    learning_rate: AboveZero = 2e-3
    adam_beta2: InnerShare = 0.98
    warmup_steps: CountOrZero = 15
    weight_decay: ZeroOrMore = 0.0
    seed: Seed = 0
    check_labels: YesOrNo = False
    use_unlabelled: YesOrNo = False

    @property
    def steps(self) -> int:
        """The steps to take: `max_steps`, or the fewest where nothing has settled it."""
        return FEWEST_STEPS if self.max_steps is None else self.max_steps

    def following(self, *, rows: int, concepts: int) -> TrainingRecipe:
        """Settle `max_steps` where it is None, by the rows of the largest modality and concepts.

        max(200 concepts / batch, 5 rows / batch), from 250 to 10,000. Raises `ConfigError` where
        the learning rate would still rise at the end of so many.
        """
        if self.max_steps is not None:
            return self
        drawn = max(DRAWS_A_CONCEPT * concepts, DRAWS_A_ROW * rows)
        steps = math.ceil(drawn / self.per_device_train_batch_size)
        steps = min(max(steps, FEWEST_STEPS), MOST_STEPS)
        if self.warmup_steps >= steps:
            raise ConfigError(
                f"training.warmup_steps is {self.warmup_steps}, and these rows are trained for "
                f"{steps} steps; expected fewer steps of warm-up than in all; lower it, or write "
                "training.max_steps"
            )
        return dataclasses.replace(self, max_steps=steps)


def _only_with(other: str) -> AfterValidator:
    """Refuse a value where the key `other`, declared before it in the same section, sets none."""

    def check(value: object, info: ValidationInfo) -> object:
        if value not in (None, "none") and info.data.get(other, ...) is None:
            raise expect(f"a line {other} beside it")
        return value

    return AfterValidator(check)


@dataclass(frozen=True, kw_only=True, config=NO_OTHER_KEYS)
class MonitoringRecipe:
    """How a training is measured as it goes; names are those that `transformers` has for it.

    Validation rows are measured every `eval_steps` steps and after the last one, not at all with
    None. `early_stopping_patience` is how many measurements in a row may bring no better mAP before
    training stops and goes back to its best state. `report_to` says who is told besides the log.
    """

    eval_steps: Count | None = None
    early_stopping_patience: Annotated[Count | None, _only_with("eval_steps")] = None
    report_to: Annotated[Literal["none", "tensorboard"], _only_with("eval_steps")] = "none"

    @property
    def deciding(self) -> dict[str, int]:
        """What of it decides which weights come out: nothing, unless training may stop early."""
        if self.eval_steps is None or self.early_stopping_patience is None:
            return {}
        return {
            "eval_steps": self.eval_steps,
            "early_stopping_patience": self.early_stopping_patience,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides a training besides the data, the encoders and an early end."""

    prompt: PromptRecipe = dataclasses.field(default_factory=PromptRecipe)
    loss: LossRecipe = dataclasses.field(default_factory=LossRecipe)
    training: TrainingRecipe = dataclasses.field(default_factory=TrainingRecipe)
