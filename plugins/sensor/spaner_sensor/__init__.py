"""Adds sensor series to SPANER."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spaner_core import Examples, Modality, hookimpl

if TYPE_CHECKING:
    from spaner_core import Corruption, Preview, Sample, Transform

    from spaner_sensor.encoders.rocket import RocketEncoder
    from spaner_sensor.encoders.transformers_encoder import PretrainedEncoder


@hookimpl
def spaner_modality() -> Modality:
    """Describe the modality."""
    return Modality(
        name="sensor",
        summary="series of named channels: CSV and TSV with a header, Parquet, NumPy arrays",
        api_version=2,
        suffixes=(".csv", ".tsv", ".parquet", ".npy"),
    )


@hookimpl
def spaner_build_encoder(options: Mapping[str, object]) -> RocketEncoder | PretrainedEncoder:
    """Build the encoder that `options` name: the builtin `rocket`, or one of transformers."""
    from spaner_sensor.options import RocketOptions, read_encoder_options

    read = read_encoder_options(options)
    if isinstance(read, RocketOptions):
        from spaner_sensor.encoders.rocket import RocketEncoder

        return RocketEncoder(read)
    from spaner_sensor.encoders.transformers_encoder import PretrainedEncoder

    return PretrainedEncoder(read)


@hookimpl
def spaner_build_transform(
    encoder: RocketEncoder | PretrainedEncoder, options: Mapping[str, object]
) -> Transform:
    """Build what reads series and cuts them into the windows that `encoder` takes."""
    from spaner_sensor.options import read_encoder_options
    from spaner_sensor.transform import SeriesTransform

    return SeriesTransform(read_encoder_options(options), windows=encoder.windows)


# No reader hook: each token holds all channels, so that the mean of the tokens keeps these apart.
# Stretches of windows in order brought nothing on BasicMotions: nearest class mean at 1 shot .99
# for the mean, .99 for two stretches, .97 for three.


@hookimpl
def spaner_corruptions() -> tuple[Corruption, ...]:
    """Name what series can be tried with."""
    from spaner_sensor.corruptions import CORRUPTIONS

    return CORRUPTIONS


@hookimpl
def spaner_recognise(head: bytes, suffix: str | None) -> bool:
    """Tell by an input's first bytes whether it may be read here."""
    from spaner_sensor.recognition import is_series

    return is_series(head, suffix)


@hookimpl
def spaner_preview(sample: Sample) -> Preview:
    """Show a sample to people."""
    from spaner_sensor.preview import preview

    return preview(sample)


@hookimpl
def spaner_examples(folder: Path) -> Examples:
    """Write what the conformance kit tries this plugin on."""
    from spaner_sensor.examples import write_examples

    return write_examples(folder)
