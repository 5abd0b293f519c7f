"""Sensor series for SPANER. Heavy libraries are imported when an encoder or aligner is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core import Examples, Modality, hookimpl, read_options

if TYPE_CHECKING:
    from spaner_core import Aligner, Encoder, FeatureSpec, Transform


@hookimpl
def spaner_modality() -> Modality:
    """Describe the modality."""
    return Modality(
        name="sensor",
        summary="series of named channels at a fixed rate: CSV with a header, Parquet",
        suffixes=(".csv", ".parquet"),
    )


@hookimpl
def spaner_build_encoder(options: Mapping[str, object]) -> Encoder:
    """Build the encoder that `options` name."""
    from spaner_sensor.encoder import RocketEncoder
    from spaner_sensor.options import EncoderOptions

    return RocketEncoder(read_options(EncoderOptions, options))


@hookimpl
def spaner_build_transform(options: Mapping[str, object]) -> Transform:
    """Build what reads series and cuts them into windows."""
    from spaner_sensor.options import EncoderOptions
    from spaner_sensor.transform import SeriesTransform

    return SeriesTransform(read_options(EncoderOptions, options))


@hookimpl
def spaner_build_aligner(
    features: FeatureSpec, prompt_dim: int, options: Mapping[str, object]
) -> Aligner:
    """Build the trainable aligner."""
    from spaner_sensor.aligner import build_aligner

    return build_aligner(features, prompt_dim=prompt_dim, options=options)


@hookimpl
def spaner_examples(folder: Path) -> Examples:
    """Write what the conformance kit tries this plugin on."""
    from spaner_sensor.examples import write_examples

    return write_examples(folder)
