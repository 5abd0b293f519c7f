"""The method and its contract: shared prompt, aligners, loss, training, space, evaluation.

What a plugin needs is here, at the root. Names that need torch or Pillow are imported at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from spaner_core.errors import (
    ConfigError,
    DataError,
    OutputExists,
    PluginError,
    SpaceError,
    SpanerError,
    UnusableInput,
)
from spaner_core.features.inputs import check_ordinary, describe_source
from spaner_core.hookspecs import ENTRY_POINT_GROUP, HEAD_BYTES, hookimpl
from spaner_core.modality import (
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
from spaner_core.options import OptionError, read_options
from spaner_core.quiet import quiet_libraries
from spaner_core.sources import open_source, suffix_of
from spaner_core.time_axis import Stretch, stretches
from spaner_core.transform import (
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

if TYPE_CHECKING:
    from spaner_core.aligner import AlignerOptions, CrossAttentionAligner
    from spaner_core.pretrained.fingerprint import (
        fingerprint_model,
        fingerprint_module,
        fingerprint_options,
    )
    from spaner_core.previews import png_of
    from spaner_core.readers import FLATTEN_LIMIT, FlattenTokens, MeanTokens, PoolTokens, Reader
    from spaner_core.traces import draw_traces

_LAZY = {
    "AlignerOptions": "spaner_core.aligner",
    "CrossAttentionAligner": "spaner_core.aligner",
    "FLATTEN_LIMIT": "spaner_core.readers",
    "FlattenTokens": "spaner_core.readers",
    "MeanTokens": "spaner_core.readers",
    "PoolTokens": "spaner_core.readers",
    "Reader": "spaner_core.readers",
    "fingerprint_model": "spaner_core.pretrained.fingerprint",
    "fingerprint_module": "spaner_core.pretrained.fingerprint",
    "fingerprint_options": "spaner_core.pretrained.fingerprint",
    "draw_traces": "spaner_core.traces",
    "png_of": "spaner_core.previews",
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
    "stretches",
    "suffix_of",
]


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
