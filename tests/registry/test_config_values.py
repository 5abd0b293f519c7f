"""Values and keys of plugins.yaml that are wrong: what is said of each, and where."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.registry.configs import SMALLEST

Refused = Callable[[str | bytes], list[str]]

WRONG = [
    # text added to the smallest file (from line 4), expected place, expected words
    ("qq: 1", "4:1", "in the file: unknown key 'qq'; known: calibration, data, features, loss"),
    ("trainin: {}", "4:1", "unknown key 'trainin'; did you mean 'training'?"),
    ("path: x", "4:1", "unknown key 'path'"),
    ("training: {lerning_rate: 1}", "4:12", "in training: unknown key 'lerning_rate'; did you me"),
    ("policy: {audit_path: x}", "4:10", "in policy: unknown key 'audit_path'; did you mean"),
    ("policy: {audit_log: }", "4:10", "policy.audit_log is empty; expected a path"),
    ("policy: {audit_keep_days: 0}", "4:10", "expected a whole number of at least 1"),
    ("training: {max_steps: 0}", "4:12", "training.max_steps is 0; expected a whole number of at "),
    (
        "training:\n  max_steps: 2.5",
        "5:3",
        "is 2.5; expected a whole number of at least 1; correct",
    ),
    ("training: {max_steps: many}", "4:12", "is 'many'; expected a whole number of at least 1"),
    ("training: {max_steps: true}", "4:12", "training.max_steps is true; expected a whole number"),
    ("training: {max_steps: [1]}", "4:12", "training.max_steps is a list; expected a whole number"),
    (
        "training: {max_steps: 9223372036854775808}",
        "4:12",
        "training.max_steps is 9223372036854775808; expected a whole number of at most 1000000000",
    ),
    ("training: {max_steps: 10}", "4:12", "warmup_steps is 15 by default and training.max_steps "),
    ("training: {max_steps: 9, warmup_steps: 9}", "4:26", "write for example 'warmup_steps: 0'"),
    (
        "training: {max_steps: 250, warmup_steps: 1e3}",
        "4:28",
        "training.warmup_steps is '1e3' and training.max_steps 250; expected fewer steps of warm-",
    ),
    ("training: {per_device_train_batch_size: 1e7}", "4:12", "a whole number of at most 1000000"),
    ("training: {eval_steps: 1e10}", "4:12", "a whole number of at most 1000000000; correct it"),
    ("training: {per_device_train_batch_size: 0}", "4:12", "a whole number of at least 1"),
    ("training: {learning_rate: 0}", "4:12", "expected a number above 0; correct it, or remove it"),
    ("training: {learning_rate: -1e-3}", "4:12", "is '-1e-3'; expected a number above 0"),
    ("training: {learning_rate: .inf}", "4:12", "is inf; expected a number above 0"),
    ("training: {learning_rate: .nan}", "4:12", "is nan; expected a number above 0"),
    (
        "training: {adam_beta2: 1}",
        "4:12",
        "is 1; expected a number between 0 and 1; correct it, or",
    ),
    ("training: {warmup_steps: -1}", "4:12", "expected a whole number of at least 0"),
    ("training: {weight_decay: -0.1}", "4:12", "is -0.1; expected a number of at least 0"),
    ("training: {seed: 4294967296}", "4:12", "expected a whole number from 0 to 4294967295"),
    (
        "training: {eval_steps: 0}",
        "4:12",
        "is 0; expected a whole number of at least 1; correct",
    ),
    (
        "training: {eval_steps: 1.5}",
        "4:12",
        "training.eval_steps is 1.5; expected a whole number",
    ),
    ("training: {eval_step: 5}", "4:12", "unknown key 'eval_step'; did you mean 'eval_steps'?"),
    (
        "training: {early_stopping_patience: 3}",
        "4:12",
        "training.early_stopping_patience is 3; expected a line eval_steps beside it; correct",
    ),
    (
        "training: {eval_steps: 5, early_stopping_patience: 0}",
        "4:27",
        "early_stopping_patience is 0; expected a whole number of at least 1; correct it or remove",
    ),
    (
        "training: {eval_steps: x, early_stopping_patience: 3}",  # said once
        "4:12",
        "training.eval_steps is 'x'; expected a whole number of at least 1; correct it",
    ),
    (
        "training: {report_to: tensorboard}",
        "4:12",
        "is 'tensorboard'; expected a line eval_steps beside it; correct it, or remove it for the",
    ),
    (
        "training: {eval_steps: 5, report_to: wandb}",
        "4:27",
        "training.report_to is 'wandb'; expected one of 'none' or 'tensorboard'; correct it, or re",
    ),
    ("training: [1]", "4:1", "training is a list; expected a mapping of keys and values"),
    ("prompt: {strength: 1.5}", "4:10", "is 1.5; expected a number from 0 to 1; correct it, or re"),
    ("prompt: {dim: 1}", "4:10", "is 1; expected a whole number of at least 2; correct it, or"),
    (
        "prompt: {dim: 65537}",
        "4:10",
        "is 65537; expected a whole number of at most 65536",
    ),
    ("prompt: {anchors: label}", "4:10", "'label'; expected one of 'auto', 'labels' or 'random'"),
    ("prompt: {whitening: 0}", "4:10", "prompt.whitening is 0; expected a number above 0"),
    ("prompt: {read_out_sharpness: 51}", "4:10", "expected a number above 0, at most 50"),
    (
        "prompt: {labels_from: txt}",
        "4:10",
        "expected a declared modality (text); did you mean 'tex",
    ),
    ("prompt: {labels_from: [text]}", "4:10", "prompt.labels_from is a list; expected a text"),
    ("prompt: {labels: l.csv}", "4:10", "prompt.labels is 'l.csv' without prompt.labels_from; ex"),
    ("prompt: {anchors: labels}", "4:10", "prompt.anchors is 'labels' without prompt.labels_from"),
    ("loss: {scale: 101}", "4:8", "loss.scale is 101; expected a number above 0, at most 100"),
    ("loss: {anchor_weight: -1}", "4:8", "is -1; expected a number of at least 0; correct it, or"),
    ("policy: {links: }", "4:10", "policy.links is empty; expected names ({} or [] permits none"),
    ("policy: {allow: }", "4:10", "policy.allow is empty; expected names ({} or [] permits none"),
    ("policy: {links: {audio: text}}", "4:18", "policy.links.audio is 'text'; expected a list in"),
    ("policy: {links: {audio: [text, 3]}}", "4:32", "policy.links.audio.1 is 3; expected a text"),
    ("policy: {allow: spaner-text}", "4:10", "policy.allow is 'spaner-text'; expected a list"),
    ("prompt: {strenght: 1}", "4:10", "in prompt: unknown key 'strenght'; did you mean 'stren"),
    ("loss: {scael: 1}", "4:8", "in loss: unknown key 'scael'; did you mean 'scale'?"),
    ("policy: {alow: []}", "4:10", "in policy: unknown key 'alow'; did you mean 'allow'?"),
    ("prompt: [dim]", "4:1", "prompt is a list; expected a mapping of keys and values"),
    ("prompt: 64", "4:1", "prompt is 64; expected a mapping of keys and values"),
    ("loss: 1.5", "4:1", "loss is 1.5; expected a mapping of keys and values"),
    ("policy: all", "4:1", "policy is 'all'; expected a mapping of keys and values"),
    ("policy: {links: [a]}", "4:10", "policy.links is a list; expected a mapping of keys and va"),
    ("policy: {links: {a: [[b]]}}", "4:22", "policy.links.a.0 is a list; expected a text"),
    ("policy: {links: {A b: [c]}}", "4:18", "key 'A b' stands in policy.links; expected a plug"),
    ("policy: {allow: [[a]]}", "4:18", "policy.allow.0 is a list; expected a text; correct it"),
    ("policy: {allow: ['']}", "4:18", "policy.allow.0 is ''; expected a text; correct it"),
    ("prompt: {dim: 64.5}", "4:10", "prompt.dim is 64.5; expected a whole number of at least 2"),
    ("prompt: {dim: 1e400}", "4:10", "prompt.dim is '1e400'; expected a whole number of at lea"),
    ("prompt: {strength: .nan}", "4:10", "prompt.strength is nan; expected a number from 0 to"),
    ("prompt: {strength: 'nan'}", "4:10", "prompt.strength is 'nan'; expected a number from 0"),
    ("prompt: {strength: false}", "4:10", "prompt.strength is false; expected a number from 0"),
    ("prompt: {whitening: {a: 1}}", "4:10", "prompt.whitening is a mapping; expected a number"),
    ("prompt: {anchors: 3}", "4:10", "prompt.anchors is 3; expected one of 'auto', 'labels'"),
    ("prompt: {labels_from: text, labels: [l]}", "4:29", "prompt.labels is a list; expected a p"),
    ("loss: {scale: on}", "4:8", "loss.scale is true; expected a number above 0, at most 100"),
    ("loss: {scale: -.inf}", "4:8", "loss.scale is -inf; expected a number above 0, at most 100"),
    ("training: {seed: 0o17}", "4:12", "training.seed is '0o17'; expected a whole number from 0"),
    (
        f"{'k' * 900}: 1",
        "4:1",
        "kkk...'; known: calibration, data, features, loss, modalities, policy, prompt, space",
    ),
    (f"loss: {'x' * 500_000}", "4:1", "xxx...; expected a mapping of keys and values; correct it"),
]


@pytest.mark.parametrize(("added", "place", "words"), WRONG, ids=[row[0][:60] for row in WRONG])
def test_one_mistake_is_one_line_with_its_place(
    refused: Refused, added: str, place: str, words: str
) -> None:
    (line,) = refused(f"{SMALLEST}{added}\n")
    assert line.startswith(f"{place}: ")
    assert words in line
