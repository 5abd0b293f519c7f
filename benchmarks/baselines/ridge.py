"""Ridge regression from every modality to the embeddings of the concepts' names."""

from __future__ import annotations

import torch
from datasets import TEXT
from sklearn.linear_model import Ridge
from torch import Tensor
from torch.nn import functional

from baselines.reading import read
from baselines.task import Outcome, Settings, Task


def ridge_to_names(task: Task, settings: Settings) -> Outcome:
    """Regress labelled rows on their concept's name; texts too, or as they are.

    A name's embedding is the mean of its texts, unit length, in the text encoder's own space.
    """
    reading = read(task)
    names = functional.normalize(reading.names.means(), dim=-1)  # (C, P)
    embeddings: dict[str, Tensor] = {}
    parameters = 0
    for name, shown in reading.shown.items():
        if name == TEXT and settings["texts"] == "as they are":
            embeddings[name] = shown
            continue
        known = reading.known(name)
        model = Ridge(alpha=settings["penalty"])
        model.fit(known.values.double().numpy(), names[known.concepts].double().numpy())
        embeddings[name] = torch.from_numpy(model.predict(shown.double().numpy())).float()
        parameters += model.coef_.size + model.intercept_.size
    return Outcome(embeddings=embeddings, parameters=parameters)
