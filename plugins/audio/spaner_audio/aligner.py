"""The audio aligner: tokens keep their order in time."""

from __future__ import annotations

from collections.abc import Mapping

from spaner_core import (
    AlignerOptions,
    CrossAttentionAligner,
    FeatureSpec,
    FlattenTokens,
    read_options,
)


def build_aligner(
    features: FeatureSpec, *, prompt_dim: int, options: Mapping[str, object]
) -> CrossAttentionAligner:
    """Build the aligner around tokens side by side."""
    return CrossAttentionAligner(
        FlattenTokens(features),
        features=features,
        prompt_dim=prompt_dim,
        options=read_options(AlignerOptions, options),
    )
