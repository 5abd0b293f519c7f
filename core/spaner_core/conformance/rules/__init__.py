"""Lists every rule, in the order in which an author meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from spaner_core.conformance.rules import (
    aligner,
    batches,
    corruptions,
    description,
    determinism,
    features,
    file_contents,
    interruption,
    options,
    parts,
    previews,
    reader,
    side_effects,
    sources,
    weights,
    wrong_inputs,
)
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import Verdict, judge

Rule: TypeAlias = Callable[[Subject], str | None]
"""Raises `BrokenRule` when the plugin breaks it, `NotTried` when nobody can tell; may return a
short remark when it is kept."""

RULES: tuple[Rule, ...] = (
    description.check_hooks,
    description.check_description,
    description.check_light_import,
    description.check_examples,
    features.check_feature_spec,
    features.check_features,
    features.check_frozen,
    determinism.check_features_at_every_call,
    determinism.check_features_in_any_batch,
    determinism.check_features_in_any_order,
    determinism.check_features_in_a_second_process,
    side_effects.check_inputs_are_kept,
    side_effects.check_process_state,
    side_effects.check_imports_in_a_second_process,
    side_effects.check_prints_in_a_second_process,
    options.check_unknown_options,
    options.check_options_are_listed,
    options.check_fingerprints,
    options.check_fingerprints_in_a_second_process,
    options.check_changing_options,
    options.check_neutral_options,
    weights.check_weights,
    wrong_inputs.check_wrong_inputs,
    interruption.check_interruption,
    file_contents.check_file_contents,
    file_contents.check_file_names,
    file_contents.check_reading,
    wrong_inputs.check_header,
    sources.check_sent_contents,
    sources.check_taken_objects,
    sources.check_recognition,
    reader.check_reader,
    reader.check_recorded_reader,
    aligner.check_alignment,
    batches.check_padding,
    batches.check_padding_when_fitting,
    batches.check_fitting_in_any_batch,
    aligner.check_rows_alone,
    aligner.check_gradients,
    aligner.check_saved_aligner,
    aligner.check_saved_aligner_in_a_second_process,
    reader.check_labels,
    corruptions.check_corruption_names,
    corruptions.check_corrupted_samples,
    corruptions.check_severities,
    parts.check_parts,
    previews.check_preview,
)


def examine(subject: Subject) -> Iterator[Verdict]:
    """Apply every rule, whatever the earlier ones said."""
    for rule in RULES:
        yield judge(rule, subject)
