"""Holds the method and its contract: prompt, aligners, loss, training, space, evaluation.

What a plugin needs is here, at the root. Names that need torch or Pillow are imported at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from spaner_core.contract.hookspecs import ENTRY_POINT_GROUP, HEAD_BYTES, hookimpl
from spaner_core.contract.modality import (
    API_VERSION,
    LARGEST_PREVIEW,
    Aligner,
    Alignment,
    Batch,
    Corruption,
    Encoder,
    Examples,
    FeatureSpec,
    LabelAligner,
    Modality,
    Preview,
    RowBatch,
    RowBatches,
)
from spaner_core.contract.options import OptionError, read_options
from spaner_core.contract.quiet_libraries import quiet_libraries
from spaner_core.contract.severities import strength_of
from spaner_core.contract.sources import check_ordinary, describe_source, open_source, suffix_of
from spaner_core.contract.transform import (
    Content,
    EncoderInput,
    HasParts,
    HeaderCheck,
    Part,
    Sample,
    Source,
    TakesObjects,
    Transform,
)
from spaner_core.contract.windows import window_starts
from spaner_core.errors import (
    ConfigError,
    DataError,
    OutputExists,
    PluginError,
    SpaceError,
    SpanerError,
    UnusableInput,
)
from spaner_core.previews.time_axis import Stretch, stretches

if TYPE_CHECKING:
    from spaner_core.contract.modality import Reader
    from spaner_core.method.aligner import AlignerOptions, CrossAttentionAligner
    from spaner_core.method.readers import FLATTEN_LIMIT, FlattenTokens, MeanTokens, PoolTokens
    from spaner_core.pretrained.fingerprint import (
        fingerprint_model,
        fingerprint_module,
        fingerprint_options,
    )
    from spaner_core.previews.line_plots import draw_traces
    from spaner_core.previews.pages import png_of

_LAZY = {
    "AlignerOptions": "spaner_core.method.aligner",
    "CrossAttentionAligner": "spaner_core.method.aligner",
    "FLATTEN_LIMIT": "spaner_core.method.readers",
    "FlattenTokens": "spaner_core.method.readers",
    "MeanTokens": "spaner_core.method.readers",
    "PoolTokens": "spaner_core.method.readers",
    "Reader": "spaner_core.method.readers",
    "fingerprint_model": "spaner_core.pretrained.fingerprint",
    "fingerprint_module": "spaner_core.pretrained.fingerprint",
    "fingerprint_options": "spaner_core.pretrained.fingerprint",
    "draw_traces": "spaner_core.previews.line_plots",
    "png_of": "spaner_core.previews.pages",
}

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "FLATTEN_LIMIT",
    "HEAD_BYTES",
    "LARGEST_PREVIEW",
    "Aligner",
    "AlignerOptions",
    "Alignment",
    "Batch",
    "ConfigError",
    "Content",
    "Corruption",
    "CrossAttentionAligner",
    "DataError",
    "Encoder",
    "EncoderInput",
    "Examples",
    "FeatureSpec",
    "FlattenTokens",
    "HasParts",
    "HeaderCheck",
    "LabelAligner",
    "MeanTokens",
    "Modality",
    "OptionError",
    "OutputExists",
    "Part",
    "PluginError",
    "PoolTokens",
    "Preview",
    "Reader",
    "RowBatch",
    "RowBatches",
    "Sample",
    "Source",
    "SpaceError",
    "SpanerError",
    "Stretch",
    "TakesObjects",
    "Transform",
    "UnusableInput",
    "check_ordinary",
    "describe_source",
    "draw_traces",
    "fingerprint_model",
    "fingerprint_module",
    "fingerprint_options",
    "hookimpl",
    "open_source",
    "png_of",
    "quiet_libraries",
    "read_options",
    "strength_of",
    "stretches",
    "suffix_of",
    "window_starts",
]


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
