"""The vision aligner: tokens keep their place in the picture."""

from __future__ import annotations

from collections.abc import Mapping

from spaner_core import (
    FLATTEN_LIMIT,
    AlignerOptions,
    CrossAttentionAligner,
    FeatureSpec,
    FlattenTokens,
    MeanTokens,
    PoolTokens,
    Reader,
    read_options,
)

from spaner_vision.page_reader import ReadPages


def build_aligner(
    features: FeatureSpec, *, prompt_dim: int, options: Mapping[str, object]
) -> CrossAttentionAligner:
    """Build the aligner around the reader that suits the number of tokens."""
    return CrossAttentionAligner(
        choose_reader(features),
        features=features,
        prompt_dim=prompt_dim,
        options=read_options(AlignerOptions, options),
    )


def choose_reader(features: FeatureSpec) -> Reader:
    """Return the reader that keeps as much of the picture as a vector of sensible width can.

    Of one picture: tokens side by side or, if that is too wide, a mean for each of its rows. Where
    there may be several pages: CLS and a coarse grid of each.
    """
    if features.tokens is None:
        return MeanTokens(features) if features.grid is None else ReadPages(features)
    if features.tokens * features.dim <= FLATTEN_LIMIT:
        return FlattenTokens(features)
    if features.grid is None:
        return MeanTokens(features)
    return PoolTokens(features, segments=features.grid[0])
