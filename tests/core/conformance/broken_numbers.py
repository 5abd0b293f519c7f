"""Toys that give no token, or numbers that are NaN or infinite, in one of their hooks."""

from __future__ import annotations

from tests.core.conformance.broken import encoder_with, toy_with, transform_with

row_without_token = toy_with(
    "check_features",
    "an example has no features ('1 2 3': it gave no token)",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t, m & (m.sum(1, True) > 1))),
)
window_without_token = toy_with(
    "check_features",
    "the mask leaves no real token in a window of '4 0 1; 0 2 1; 3 1 0 | 1 1 5'",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t, m & (t[:, :1, 2] != 5))),
)
not_finite = toy_with(
    "check_features",
    "the encoder gives NaN or an infinite number for '4 0 1; 0 2 1; 3 1 0 | 1 1 5'",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t / 0, m)),
)


def nan_for_three(number: float) -> float:
    return float("nan") if number == 3 else number


decodes_nan = toy_with(
    "check_features",
    "decode gives NaN or an infinite number for numbers.toy (it[0][0][1])",
    spaner_build_transform=transform_with(
        decode=lambda own, source: (
            [[[nan_for_three(n) for n in t] for t in w] for w in own(source)]
            if not isinstance(source, str)
            else own(source)
        )
    ),
)
prepares_infinity = toy_with(
    "check_features",
    "prepare gives NaN or an infinite number for '1 2 3' (it[0][0][0])",
    spaner_build_transform=transform_with(
        prepare=lambda own, sample: (
            [[[float("inf"), 2.0, 3.0]]] if sample == [[[1, 2, 3]]] else own(sample)
        )
    ),
)
