"""Rules about the aligner, which takes features to the shared space."""

from __future__ import annotations

import torch
from torch import Tensor

from spaner_core.conformance.comparing import TOLERANCE, check_same_numbers
from spaner_core.conformance.features import modules_within
from spaner_core.conformance.fitted import (
    FittedAligner,
    describe_spec,
    fit_aligner,
    restore_aligner,
)
from spaner_core.conformance.subject import PROMPT_DIM, Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.modality import Alignment


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
    alone = fit_aligner(subject.build_aligner(spec), [fitted.rows], dim=PROMPT_DIM, concepts=0)
    _check_alignment(alone, alone.align())
    return f"{len(fitted.anchors)} anchors, some without rows, and none at all"


def _check_alignment(fitted: FittedAligner, given: Alignment) -> None:
    rows, anchors = len(fitted.rows), len(fitted.anchors)
    ones = torch.ones(rows)
    wanted = {"embedding": PROMPT_DIM, "direction": PROMPT_DIM, "weights": anchors}
    for name, width in wanted.items():
        value: Tensor = getattr(given, name)
        if value.shape != (rows, width) or not torch.isfinite(value).all():
            raise _misaligned(f"{name} {tuple(value.shape)}", f"finite ({rows}, {width})", anchors)
        length = value.sum(dim=1) if name == "weights" else value.norm(dim=1)
        what = "that sum to one" if name == "weights" else "of unit length"
        if width and not torch.allclose(length, ones, atol=1e-4):
            raise _misaligned(f"{name} of {length[0]:.3g}", f"rows {what}", anchors)


def _misaligned(given: str, expected: str, anchors: int) -> BrokenRule:
    return BrokenRule(
        f"against {anchors} anchors the aligner gives {given}", expected, "correct its forward"
    )


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
    wanted = torch.randn(alignment.embedding.shape, generator=torch.Generator().manual_seed(0))
    (alignment.embedding * wanted).sum().backward()  # type: ignore[no-untyped-call]
    parameters = list(fitted.aligner.parameters())
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not any(gradient.any() for gradient in gradients):
        raise BrokenRule(
            "no parameter of the aligner gets a gradient",
            "some to be trained",
            "register layers as attributes and let the embedding pass through them",
        )
    if not all(torch.isfinite(gradient).all() for gradient in gradients):
        raise BrokenRule("some gradient is NaN or infinite", "finite ones", "look for a division")
    within = {id(p) for module in modules_within(subject.built.raw) for p in module.parameters()}
    if within & {id(parameter) for parameter in parameters}:
        raise BrokenRule(
            "a weight of the encoder is a parameter of the aligner",
            "weights of its own",
            "copy what the aligner starts from",
        )
    return f"{sum(p.numel() for p in parameters):,} numbers to train"


def check_saved_aligner(subject: Subject) -> str:
    """An aligner restored from its state and a stored FeatureSpec embeds to the same bytes."""
    fitted = subject.fitted
    state, spec = fitted.state(), describe_spec(subject.built.encoder.features)
    restored = FittedAligner(
        aligner=restore_aligner(subject, spec, state), rows=fitted.rows, anchors=fitted.anchors
    )
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
