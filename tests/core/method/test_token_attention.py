from __future__ import annotations

import torch
from spaner_core.method.aligner import GATE_START, TokenAttention
from torch import Tensor
from torch.nn import functional


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def attention() -> TokenAttention:
    torch.manual_seed(0)
    return TokenAttention(5, 8)


ANCHORS = functional.normalize(drawn(1, 3, 8), dim=-1)
TOKENS = drawn(2, 2, 4, 5)
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()


def test_each_token_moves_by_the_gate_times_its_own_length() -> None:
    moved, weights = attention()(TOKENS, MASK, ANCHORS)
    shift = (moved - TOKENS)[MASK].norm(dim=-1)
    torch.testing.assert_close(shift, GATE_START * TOKENS[MASK].norm(dim=-1))
    assert weights.shape == (2, 4, 3)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 4))


def test_padding_stays_zero_and_a_closed_gate_changes_no_token() -> None:
    closed = attention()
    torch.nn.init.zeros_(closed.gate)
    moved, _ = closed(TOKENS, MASK, ANCHORS)
    assert torch.equal(moved, TOKENS * MASK.unsqueeze(-1))
    assert not attention()(TOKENS, MASK, ANCHORS)[0][~MASK].any()


def test_the_encoders_units_do_not_matter_and_zero_tokens_stay() -> None:
    moved, weights = attention()(TOKENS, MASK, ANCHORS)
    larger, same = attention()(TOKENS * 1000, MASK, ANCHORS)
    torch.testing.assert_close(larger, moved * 1000, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(same, weights)
    assert not attention()(torch.zeros_like(TOKENS), MASK, ANCHORS)[0].any()


def test_tokens_do_not_see_each_other() -> None:
    moved, _ = attention()(TOKENS, MASK, ANCHORS)
    alone, _ = attention()(TOKENS[:1, 2:3], MASK[:1, 2:3], ANCHORS)
    torch.testing.assert_close(alone[0, 0], moved[0, 2])


def test_other_anchors_move_tokens_elsewhere() -> None:
    moved, _ = attention()(TOKENS, MASK, ANCHORS)
    other, _ = attention()(TOKENS, MASK, ANCHORS.flip(-1))
    assert not torch.allclose(moved, other)
