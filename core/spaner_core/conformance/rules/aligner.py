"""Checks the aligner, which takes features to the shared space."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from spaner_core.conformance.comparing import TOLERANCE, check_same_numbers
from spaner_core.conformance.fitted_aligner import (
    FittedAligner,
    check_shapes,
    describe_spec,
    fit_aligner,
    misaligned,
    read_spec,
    restore_aligner,
)
from spaner_core.conformance.rules.features import modules_within
from spaner_core.conformance.subject import PROMPT_DIM, Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.modality import Alignment

STEPS, STEP = 4, 0.01
"""Of a training with which gradients are looked for, and how far each goes."""


def check_alignment(subject: Subject) -> str:
    """An aligner gives rows of unit length and weights that sum to one, also without anchors."""
    fitted = subject.fitted
    _check_alignment(fitted, fitted.align())
    unpulled = fitted.align(strength=0.0)
    if not torch.allclose(unpulled.embedding, unpulled.direction, atol=TOLERANCE):
        raise BrokenRule(
            "with strength 0 the embedding is not the direction",
            "the prompt not to pull at strength 0",
            "mix (1 - strength) * direction with strength * pull",
        )
    spec = subject.built.encoder.features
    alone = fit_aligner(
        subject.build_aligner(spec), [fitted.rows], spec=spec, dim=PROMPT_DIM, concepts=0
    )
    _check_alignment(alone, alone.align())
    return f"{len(fitted.anchors)} anchors, some without rows, and none at all"


def _check_alignment(fitted: FittedAligner, given: Alignment) -> None:
    check_shapes(fitted, given)
    anchors, ones = len(fitted.anchors), torch.ones(len(fitted.rows))
    lengths = {
        "embedding": (given.embedding.norm(dim=1), "of unit length"),
        "direction": (given.direction.norm(dim=1), "of unit length"),
        "weights": (given.weights.sum(dim=1), "that sum to one"),
    }
    for name, (length, what) in lengths.items():
        if (anchors or name != "weights") and not torch.allclose(length, ones, atol=1e-4):
            raise misaligned(f"{name} of {length[0]:.3g}", f"rows {what}", anchors)


def check_rows_alone(subject: Subject) -> str:
    """In evaluation mode a row's embedding depends neither on the batch nor on its place in it."""
    fitted = subject.fitted
    known = fitted.align().embedding
    places = torch.arange(len(fitted.rows))
    orders = {"in reverse": [places.flip(0)], "one at a time": [place[None] for place in places]}
    for name, parts in orders.items():
        given = torch.cat([fitted.align(fitted.rows.take(part)).embedding for part in parts])
        check_same_numbers(
            given,
            known[torch.cat(parts)],
            what="embeddings",
            when=f"when rows come {name}",
            advice="let no row see another in evaluation mode",
        )
    return "one at a time and in any order"


def check_gradients(subject: Subject) -> str:
    """Training reaches the aligner, and nothing but the aligner."""
    fitted = subject.fit()
    fitted.aligner.train()
    with torch.random.fork_rng(devices=[]):  # dropout draws
        alignment = fitted(fitted.rows)
    if not alignment.embedding.requires_grad:
        raise BrokenRule(
            "the embedding asks for no gradient", "one that trains the aligner", "detach nothing"
        )
    parameters = list(fitted.aligner.parameters())
    with torch.random.fork_rng(devices=[]):
        gradients = _gradients(fitted, steps=STEPS)
    if not any(gradient.any() for gradient in gradients.values()):
        raise BrokenRule(
            "no parameter of the aligner gets a gradient",
            "some to be trained",
            "register layers as attributes and let the embedding pass through them",
        )
    if not all(torch.isfinite(gradient).all() for gradient in gradients.values()):
        raise BrokenRule("some gradient is NaN or infinite", "finite ones", "look for a division")
    idle = [name for name, gradient in gradients.items() if not gradient.any()]
    if idle:
        raise BrokenRule(
            f"{', '.join(idle)} of the aligner should train and no gradient reaches them",
            f"one for every parameter with requires_grad, within {STEPS} steps",
            "let the embedding pass through them, or leave out or freeze what is not trained",
        )
    within = {id(p) for module in modules_within(subject.built.raw) for p in module.parameters()}
    if within & {id(parameter) for parameter in parameters}:
        raise BrokenRule(
            "a weight of the encoder is a parameter of the aligner",
            "weights of its own",
            "copy what the aligner starts from",
        )
    return f"{sum(p.numel() for p in parameters):,} numbers to train"


def _gradients(fitted: FittedAligner, *, steps: int) -> dict[str, Tensor]:
    """Take steps of training; return the sum of each parameter's gradients' sizes, by name.

    Several, as what is multiplied by zero at first (a layer that starts at zero) is reached later.
    """
    named = {name: p for name, p in fitted.aligner.named_parameters() if p.requires_grad}
    total = {name: torch.zeros_like(parameter) for name, parameter in named.items()}
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        fitted.aligner.zero_grad()
        given = fitted(fitted.rows)
        wanted = [torch.randn(part.shape, generator=generator) for part in given]
        loss = torch.stack([(a * b).sum() for a, b in zip(given, wanted, strict=True)]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for name, parameter in named.items():
                if parameter.grad is not None:
                    total[name] += parameter.grad.abs()
                    parameter -= STEP * parameter.grad
    return total


def check_saved_aligner(subject: Subject) -> str:
    """An aligner restored from its state and a stored FeatureSpec embeds to the same bytes."""
    fitted = subject.fitted
    state, spec = fitted.state(), read_spec(describe_spec(fitted.spec))
    restored = replace(fitted, aligner=restore_aligner(subject.build_aligner(spec), state))
    _check_same_bytes(restored.align().embedding, fitted, when="in the same process")
    return f"{len(state):,} bytes hold all of it"


def check_saved_aligner_in_a_second_process(subject: Subject) -> str:
    """A saved aligner embeds to the same bytes in a second process, before there is an encoder."""
    fitted = subject.fitted
    given = subject.second_opinion.tensor("embedding", part="aligner")
    _check_same_bytes(given, fitted, when="in a second process")
    return "restored without the encoder"


def _check_same_bytes(given: Tensor, fitted: FittedAligner, *, when: str) -> None:
    if given.numpy().tobytes() != fitted.align().embedding.numpy().tobytes():
        raise BrokenRule(
            f"the restored aligner embeds otherwise {when}",
            "the same bytes",
            "keep all that fit_statistics finds in buffers, and draw nothing that is not stored",
        )
