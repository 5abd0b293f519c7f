"""Every method by name, with the settings that are tried for it, the usual ones first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baselines.canonical import canonical_correlation
from baselines.heads import bound_to_text, contrastive_head
from baselines.posteriors import logistic_regression, nearest_class_mean
from baselines.ridge import ridge_to_names
from baselines.spaner_itself import ours, with_pairs, without_prompt
from baselines.task import Fit, Outcome, Settings, Shots, Task

OURS = "SPANER"
WITH_PAIRS = "SPANER, pairs too"

Grid = Mapping[str, Sequence[Any]]

RATES: Grid = {"learning_rate": (2e-3, 1e-3, 4e-3, 8e-3), "dropout": (0.4, 0.2, 0.6, 0.8)}
CONTRAST: Grid = {**RATES, "scale": (10.0, 1.0, 2.5, 5.0, 20.0)}


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method and the values of each setting to draw trials from.

    One in `closed_form` takes a moment: all of its grid is tried. One that is `known` has usual
    settings that earlier experiments on the same data chose: it gets half as many trials.
    `shots` and `seeds` say where a slow one is run: at these shots and at most so many seeds; None
    is everywhere.
    """

    fit: Fit
    grid: Grid
    closed_form: bool = False
    known: bool = False
    shots: Sequence[Shots] | None = None
    seeds: int | None = None


METHODS: Mapping[str, Method] = {
    OURS: Method(
        fit=ours,
        known=True,
        grid={**RATES, "anchor_weight": (1.0, 0.3, 3.0), "mean_sharpness": (20.0, 10.0, 40.0)},
    ),
    "SPANER without prompt": Method(fit=without_prompt, grid=CONTRAST),
    "MLP, SupCon": Method(fit=contrastive_head("mlp", "supcon"), grid=CONTRAST),
    "MLP, InfoNCE": Method(fit=contrastive_head("mlp", "infonce"), grid=CONTRAST),
    "MLP, bound to text": Method(
        fit=bound_to_text, grid={**CONTRAST, "loss": ("infonce", "supcon")}
    ),
    "linear, SupCon": Method(fit=contrastive_head("linear", "supcon"), grid=CONTRAST),
    "linear, InfoNCE": Method(fit=contrastive_head("linear", "infonce"), grid=CONTRAST),
    "regularised CCA": Method(
        fit=canonical_correlation,
        closed_form=True,
        grid={
            "shrinkage": (0.3, 0.03, 0.1, 0.6, 0.9),
            "spread": ("labelled rows", "all rows"),
            "power": (0, 1, 4),
        },
    ),
    "ridge to names": Method(
        fit=ridge_to_names,
        closed_form=True,
        grid={"penalty": (1.0, 0.01, 0.1, 10.0), "texts": ("mapped", "as they are")},
    ),
    "nearest class mean": Method(
        fit=nearest_class_mean,
        closed_form=True,
        grid={"sharpness": (20.0, 2.5, 5.0, 10.0, 40.0, 80.0)},
    ),
    "logistic regression": Method(
        fit=logistic_regression,
        closed_form=True,
        grid={"inverse_penalty": (1.0, 0.1, 10.0, 100.0, 1e3, 1e4)},
    ),
}


WITH_ITEMS: Mapping[str, Method] = {
    WITH_PAIRS: Method(
        fit=with_pairs, grid={name: values[:1] for name, values in METHODS[OURS].grid.items()}
    )
}
"""What needs rows that show the same item; its settings are the usual ones."""


def _tune_encoder(task: Task, settings: Settings) -> Outcome:
    from baselines.tuned_encoder import tuned_encoder  # needs MiniLM and peft

    return tuned_encoder(task, settings)


WITH_MINILM: Mapping[str, Method] = {
    "LoRA, MLP, SupCon": Method(
        fit=_tune_encoder,
        grid={"learning_rate": (1e-3,), "dropout": (0.4,), "scale": (10.0,)},
        shots=(4,),
        seeds=3,
    )
}
"""What needs a text encoder that can be trained."""
