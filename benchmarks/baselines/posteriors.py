"""Posteriors over the concepts as the common space: each modality classifies by itself."""

from __future__ import annotations

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional

from baselines.reading import read
from baselines.task import Outcome, Settings, Task


def nearest_class_mean(task: Task, settings: Settings) -> Outcome:
    """Embed a row as softmax of its cosines with its modality's class means, names included."""
    reading = read(task)
    embeddings, parameters = {}, 0
    for name, shown in reading.shown.items():
        means = functional.normalize(reading.known(name).means(), dim=-1)  # (C, P)
        embeddings[name] = (settings["sharpness"] * shown @ means.T).softmax(dim=-1)
        parameters += means.numel()
    return Outcome(embeddings=embeddings, parameters=parameters)


def logistic_regression(task: Task, settings: Settings) -> Outcome:
    """Embed a row as the posterior of its modality's logistic regression, names included."""
    reading = read(task)
    embeddings: dict[str, Tensor] = {}
    parameters = 0
    for name, shown in reading.shown.items():
        known = reading.known(name)
        model = LogisticRegression(C=settings["inverse_penalty"], max_iter=2000)
        model.fit(known.values.double().numpy(), known.concepts.numpy())
        found = torch.from_numpy(model.predict_proba(shown.double().numpy())).float()
        # a concept without a row in this modality has no column of its own
        embedded = shown.new_zeros(len(shown), task.concept_count)
        embeddings[name] = embedded.index_copy(1, torch.from_numpy(model.classes_), found)
        parameters += model.coef_.size + model.intercept_.size
    return Outcome(embeddings=embeddings, parameters=parameters)
