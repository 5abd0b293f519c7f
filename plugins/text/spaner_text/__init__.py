"""Adds text to SPANER."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaner_core import Examples, Modality, hookimpl, read_options

if TYPE_CHECKING:
    from spaner_core import Corruption, Encoder, FeatureSpec, Preview, Reader, Sample, Transform


@hookimpl
def spaner_modality() -> Modality:
    """Describe the modality."""
    return Modality(
        name="text",
        summary="texts, given as themselves or as .txt, .md and .pdf files",
        api_version=2,
        suffixes=(".txt", ".md", ".pdf"),
        inline=True,
        embeds_labels=True,
    )


@hookimpl
def spaner_build_encoder(options: Mapping[str, object]) -> Encoder:
    """Build the encoder that `options` name: the builtin one, or any that transformers loads."""
    from spaner_text.options import HashedOptions, TransformerOptions, is_hashed

    if is_hashed(options):
        from spaner_text.encoders.hashed import HashedWordsEncoder

        return HashedWordsEncoder(read_options(HashedOptions, options))
    chosen = read_options(TransformerOptions, options)
    from spaner_text.encoders.transformers_encoder import TransformerEncoder

    return TransformerEncoder(chosen)


@hookimpl
def spaner_build_transform(encoder: Any, options: Mapping[str, object]) -> Transform:
    """Build what reads texts and cuts them into words, or into the model's windows."""
    from spaner_text.options import HashedOptions, TransformerOptions, is_hashed

    if is_hashed(options):
        from spaner_text.transform import WordsTransform

        return WordsTransform(read_options(HashedOptions, options))
    from spaner_text.transform import WindowsTransform

    return WindowsTransform(encoder.tokens, read_options(TransformerOptions, options))


@hookimpl
def spaner_build_reader(features: FeatureSpec, options: Mapping[str, object]) -> Reader:
    """Build what reads words, or windows, of a text into one vector."""
    from spaner_text.reader import build_reader

    return build_reader(features, options)


@hookimpl
def spaner_corruptions(options: Mapping[str, object]) -> Sequence[Corruption]:
    """Name what texts can be disturbed by, for the model that `options` name."""
    from spaner_text.corruptions import text_corruptions

    return text_corruptions(options)


@hookimpl
def spaner_recognise(head: bytes, suffix: str | None) -> bool:
    """Tell by an input's first bytes whether it may be read here."""
    from spaner_text.recognition import is_text

    return is_text(head, suffix)


@hookimpl
def spaner_preview(sample: Sample) -> Preview:
    """Show a sample to people."""
    from spaner_text.preview import preview

    return preview(sample)


@hookimpl
def spaner_examples(folder: Path) -> Examples:
    """Write what the conformance kit tries this plugin on."""
    from spaner_text.examples import write_examples

    return write_examples(folder)
