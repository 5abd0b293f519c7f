from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from spaner_core.contract.modality import Alignment, FeatureSpec, LabelAligner, RowBatch
from spaner_core.contract.options import OptionError, read_options
from spaner_core.method.aligner import AlignerOptions, CrossAttentionAligner
from spaner_core.method.readers import MeanTokens
from torch import Tensor
from torch.nn import functional

from tests.core.method import every_reader

SPEC = FeatureSpec(dim=5, tokens=4)
BETA = torch.tensor(5.0)
CONCEPTS = 3


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


ANCHORS = functional.normalize(torch.randn(CONCEPTS, 8, generator=seeded(0)), dim=-1)
CENTRES = torch.randn(CONCEPTS, 5, generator=seeded(1))


def build(reader: str = "mean", *, seed: int = 0, **options: Any) -> CrossAttentionAligner:
    torch.manual_seed(seed)
    return CrossAttentionAligner(
        every_reader.build(reader, SPEC),
        features=SPEC,
        prompt_dim=8,
        options=AlignerOptions(hidden=16, **options),
    ).eval()


def rows(count: int = 12, *, seed: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Synthetic rows, each token near its concept's centre; every third row is short."""
    concepts = torch.arange(count) % CONCEPTS
    values = CENTRES[concepts].unsqueeze(1) + 0.3 * torch.randn(count, 4, 5, generator=seeded(seed))
    mask = torch.ones(count, 4, dtype=torch.bool)
    mask[::3, 2:] = False
    return values * mask.unsqueeze(-1), mask, concepts


def fitted(reader: str = "mean", **options: Any) -> CrossAttentionAligner:
    aligner = build(reader, **options)
    values, mask, concepts = rows()
    aligner.fit_statistics([RowBatch(values, mask, concepts)], concept_count=CONCEPTS)
    return aligner


def embed(aligner: Any, values: Tensor, mask: Tensor, strength: float = 0.5) -> Alignment:
    with torch.no_grad():
        given: Alignment = aligner(values, mask, ANCHORS, beta=BETA, strength=strength)
    return given


@pytest.mark.parametrize("reader", every_reader.NAMES)
@pytest.mark.parametrize("attend", [False, True])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_shapes_lengths_and_weights(reader: str, attend: bool, strength: float) -> None:
    given = embed(fitted(reader, token_attention=attend), *rows(7)[:2], strength=strength)
    assert given.embedding.shape == given.direction.shape == (7, 8)
    assert given.weights.shape == (7, CONCEPTS)
    ones = torch.ones(7)
    torch.testing.assert_close(given.weights.sum(dim=-1), ones)
    assert (given.weights >= 0).all()
    torch.testing.assert_close(given.direction.norm(dim=-1), ones)
    torch.testing.assert_close(given.embedding.norm(dim=-1), ones)


def test_strength_goes_from_the_direction_to_the_mixture_of_the_anchors() -> None:
    aligner, (values, mask, _) = fitted(), rows()
    none, half, full = (embed(aligner, values, mask, s) for s in (0.0, 0.5, 1.0))
    torch.testing.assert_close(none.embedding, none.direction)
    mixture = full.weights @ ANCHORS
    torch.testing.assert_close(full.embedding, functional.normalize(mixture, dim=-1))
    between = functional.normalize((half.direction + mixture) / 2, dim=-1)
    torch.testing.assert_close(half.embedding, between)


def test_the_read_out_is_the_formula() -> None:
    aligner, (values, mask, _) = fitted(), rows()
    given = embed(aligner, values, mask)
    raw = torch.stack([v[m].mean(dim=0) for v, m in zip(values, mask, strict=True)])
    centre, scale = raw.mean(dim=0), raw.std(dim=0, correction=0) + 0.1
    unit = functional.normalize((raw - centre) / scale, dim=-1)
    means = torch.stack([unit[c::CONCEPTS].sum(dim=0) for c in range(CONCEPTS)])
    likeness = 20 / (1 + 4 / 4) * unit @ functional.normalize(means, dim=-1).T
    point = unit * math.sqrt(5)
    direction = functional.normalize(aligner.linear(point) + aligner.mlp(point), dim=-1)
    torch.testing.assert_close(given.direction, direction)
    weights = (5.0 * direction @ ANCHORS.T + likeness).softmax(dim=-1)
    torch.testing.assert_close(given.weights, weights)


def test_the_harder_the_pull_the_closer_the_rows_of_one_concept() -> None:
    one, other = fitted(), fitted(seed=5)
    values, mask, concepts = rows(30, seed=8)
    same = concepts.unsqueeze(1) == concepts
    cosines = []
    for strength in (0.0, 0.25, 0.5, 0.75, 1.0):
        a = embed(one, values, mask, strength).embedding
        b = embed(other, values, mask, strength).embedding
        cosines.append((a @ b.T)[same].mean().item())
    assert all(later > earlier + 0.01 for earlier, later in pairwise(cosines))
    assert cosines[-1] > 0.9


@pytest.mark.parametrize("reader", every_reader.FOR_ANY_NUMBER)
@pytest.mark.parametrize("attend", [False, True])
def test_extra_masked_tokens_change_nothing(reader: str, attend: bool) -> None:
    aligner, (values, mask, _) = fitted(reader, token_attention=attend), rows()
    given = embed(aligner, values, mask)
    padded = functional.pad(values, (0, 0, 0, 5), value=4.0)
    again = embed(aligner, padded, functional.pad(mask, (0, 5), value=False))
    torch.testing.assert_close(again.embedding, given.embedding, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reader", every_reader.NAMES)
def test_a_row_is_embedded_the_same_in_any_company(reader: str) -> None:
    aligner, (values, mask, _) = fitted(reader, token_attention=True), rows()
    together = embed(aligner, values, mask).embedding
    for place in range(len(values)):
        alone = embed(aligner, values[place : place + 1], mask[place : place + 1]).embedding
        torch.testing.assert_close(alone[0], together[place], rtol=1e-5, atol=1e-6)


def test_appended_anchors_change_no_bit_when_the_old_ones_are_passed() -> None:
    aligner, (values, mask, _) = fitted(token_attention=True), rows()
    more = torch.cat([ANCHORS, -ANCHORS])
    before = embed(aligner, values, mask)
    after = aligner(values, mask, more[:CONCEPTS], beta=BETA, strength=0.5)
    assert torch.equal(after.embedding, before.embedding)
    assert torch.equal(after.weights, before.weights)


@pytest.mark.parametrize("attend", [False, True])
@pytest.mark.parametrize("reader", every_reader.NAMES)
def test_a_stored_aligner_loads_into_a_fresh_one(reader: str, attend: bool) -> None:
    stored, (values, mask, _) = fitted(reader, token_attention=attend), rows()
    fresh = build(reader, seed=9, token_attention=attend)
    fresh.fit_statistics([RowBatch(values, mask, torch.arange(12) % 2)], concept_count=2)
    fresh.load_state_dict(stored.state_dict())
    given, again = embed(stored, values, mask), embed(fresh, values, mask)
    assert torch.equal(again.embedding, given.embedding)
    assert torch.equal(again.weights, given.weights)


def test_token_attention_is_off_unless_asked_for_and_its_gate_matters() -> None:
    assert build().attend is None
    aligner, (values, mask, _) = fitted(token_attention=True), rows()
    opened = embed(aligner, values, mask).direction
    torch.nn.init.zeros_(aligner.attend.gate)
    closed = embed(aligner, values, mask).direction
    assert not torch.allclose(opened, closed)
    plain = build()
    plain.fit_statistics([RowBatch(*rows())], concept_count=CONCEPTS)
    kept = {k: v for k, v in aligner.state_dict().items() if not k.startswith("attend.")}
    plain.load_state_dict(kept)
    torch.testing.assert_close(embed(plain, values, mask).direction, closed)


def test_dropout_acts_in_training_only() -> None:
    aligner, (values, mask, _) = fitted(dropout=0.5), rows()
    assert torch.equal(
        embed(aligner, values, mask).embedding, embed(aligner, values, mask).embedding
    )
    aligner.train()
    assert not torch.equal(
        embed(aligner, values, mask).embedding, embed(aligner, values, mask).embedding
    )


class Counted(MeanTokens):
    keeps_scale = True


def test_features_whose_scale_has_meaning_keep_it() -> None:
    torch.manual_seed(0)
    aligner = CrossAttentionAligner(
        Counted(SPEC), features=SPEC, prompt_dim=8, options=AlignerOptions()
    )
    aligner.fit_statistics([RowBatch(*rows())], concept_count=CONCEPTS)
    assert torch.equal(aligner.scale, torch.ones(5))
    assert aligner.centre.abs().sum() > 0


def test_an_aligner_can_start_as_the_map_that_made_the_anchors() -> None:
    aligner = build()
    assert isinstance(aligner, LabelAligner)
    label_map = torch.randn(5, 8, generator=seeded(3))
    aligner.start_from(label_map)
    weight = aligner.linear.weight.detach().T
    torch.testing.assert_close(
        functional.normalize(weight.flatten(), dim=0),
        functional.normalize(label_map.flatten(), dim=0),
    )
    assert weight.norm().item() == pytest.approx(math.sqrt(8), rel=1e-5)


def test_a_reader_that_is_no_module_is_refused() -> None:
    class Plain:
        width = 5

    with pytest.raises(TypeError, match=r"Plain.*torch\.nn\.Module"):
        CrossAttentionAligner(
            Plain(),  # type: ignore[arg-type]
            features=SPEC,
            prompt_dim=8,
            options=AlignerOptions(),
        )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("hidden_dropout", 2.0),
        ("hidden", 0),
        ("hidden", 10**12),
        ("mean_sharpness", float("inf")),
        ("mean_sharpness", -1.0),
        ("hidden", "many"),
        ("dropuot", 0.1),
    ],
)
def test_wrong_options_are_refused_by_name(option: str, value: object) -> None:
    with pytest.raises(OptionError, match=option):
        read_options(AlignerOptions, {option: value})
