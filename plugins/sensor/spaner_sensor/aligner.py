"""The sensor aligner: what a recording holds, whenever it happens."""

from __future__ import annotations

from collections.abc import Mapping

from spaner_core import (
    AlignerOptions,
    CrossAttentionAligner,
    FeatureSpec,
    MeanTokens,
    read_options,
)


def build_aligner(
    features: FeatureSpec, *, prompt_dim: int, options: Mapping[str, object]
) -> CrossAttentionAligner:
    """Build the aligner around the mean of a recording's tokens.

    Their number varies with its length for every encoder; each token holds all channels, so that
    the mean keeps them apart.

    Windows in order, two or three stretches of them, brought nothing on BasicMotions: nearest
    class mean at 1 shot .99 for the mean, .99 for two stretches, .97 for three.
    """
    return CrossAttentionAligner(
        MeanTokens(features),
        features=features,
        prompt_dim=prompt_dim,
        options=read_options(AlignerOptions, options),
    )
