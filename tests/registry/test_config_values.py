"""Values and keys of plugins.yaml that are wrong: what is said of each, and where."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Refused = Callable[[str | bytes], list[str]]

SMALLEST = "space: s\ndata: {manifest: m.csv}\nmodalities: {text: }\n"

WRONG = [
    # text added to the smallest file (from line 4), expected place, expected words
    ("qq: 1", "4:1", "in the file: unknown key 'qq'; known: data, features, loss"),
    ("trainin: {}", "4:1", "unknown key 'trainin'; did you mean 'training'?"),
    ("path: x", "4:1", "unknown key 'path'"),
    ("training: {lerning_rate: 1}", "4:12", "in training: unknown key 'lerning_rate'; did you me"),
    ("policy: {audit_log: x}", "4:10", "in policy: unknown key 'audit_log'; known: allow, links"),
    ("training: {max_steps: 0}", "4:12", "training.max_steps is 0; expected a whole number of at "),
    (
        "training:\n  max_steps: 2.5",
        "5:3",
        "is 2.5; expected a whole number of at least 1; correct",
    ),
    ("training: {max_steps: many}", "4:12", "is 'many'; expected a whole number of at least 1"),
    ("training: {max_steps: }", "4:12", "training.max_steps is empty; expected a whole number"),
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
        "training: {warmup_steps: 1e3}",
        "4:12",
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
    ("loss: {scale: 2.0, scale: 3.0}", "4:20", "key 'scale' is given twice, on lines 4 and 4"),
    ("space: t", "4:1", "key 'space' is given twice, on lines 1 and 4; expected each key once"),
    ("policy: {links: }", "4:10", "policy.links is empty; expected names ({} or [] permits none"),
    ("policy: {allow: }", "4:10", "policy.allow is empty; expected names ({} or [] permits none"),
    ("policy: {links: {audio: text}}", "4:18", "policy.links.audio is 'text'; expected a list in"),
    ("policy: {links: {audio: [text, 3]}}", "4:32", "policy.links.audio.1 is 3; expected a text"),
    ("policy: {allow: spaner-text}", "4:10", "policy.allow is 'spaner-text'; expected a list"),
    ("policy: {allow: [no]}", "4:18", "allow.0 is false; expected a text; quote it: YAML"),
    (
        "off: 1",
        "4:1",
        "key false stands in the file; expected a text; quote it: YAML takes on, off",
    ),
    ("policy: {allow: [1]}", "4:18", "policy.allow.0 is 1; expected a text; quote it"),
    (
        "? [a]\n: 1",
        "4:3",
        "a list or mapping stands as a key; expected a word; write a word before",
    ),
    ("1: x", "4:1", "key 1 stands in the file; expected a text; quote it"),
    (
        "loss: !!python/object/apply:os.getcwd []",
        "4:7",
        "os.getcwd' is a tag; expected plain YAML, w",
    ),
    ("loss: {scale: 2024-99-99}", "4:15", "'2024-99-99' cannot be read as timestamp; expected a "),
    ("loss: &a {scale: *a}", "4:7", "'&a' is an anchor; expected plain YAML, without anchors, ali"),
    (
        "loss: {scale: *a}",
        "4:15",
        "'*a' is an alias; expected plain YAML, without anchors, aliases",
    ),
    ("loss: {scale: 1", "5:1", "not YAML (while parsing a flow mapping expected ',' or '}'"),
    ("loss:\n\tscale: 1", "5:1", "expected valid YAML; indent with spaces, not tabs"),
    (
        "loss: 'x",
        "5:1",
        "found unexpected end of stream); expected valid YAML; correct this or the",
    ),
    ("---\nloss: {}", "4:1", "another document begins here; expected one; remove one of the two"),
    ('loss: "\x07"', "4:8", "the character '\\x07' cannot stand in YAML; expected printable text"),
    (
        "data: {manifest: n}",
        "4:1",
        "key 'data' is given twice, on lines 2 and 4; expected each key once",
    ),
    ("modalities: {text: }", "4:1", "key 'modalities' is given twice, on lines 3 and 4"),
    ("policy: {links: {a: [], a: []}}", "4:25", "key 'a' is given twice, on lines 4 and 4"),
    ("prompt: {dim: 64,\n  dim: 65}", "5:3", "key 'dim' is given twice, on lines 4 and 5"),
    (
        "loss: {<<: {scale: 1}, <<: {scale: 2}}",
        "4:8",
        "'<<' is a merge key; expected plain YAML, wi",
    ),
    ("loss: {!!binary eA==: 1}", "4:8", "'!!binary' is a tag; expected plain YAML, without anch"),
    ("~: 1", "4:1", "key empty stands in the file; expected a text; quote it"),
    ("2024-01-01: 1", "4:1", "key 2024-01-01 stands in the file; expected a text; quote it"),
    ("prompt: {strenght: 1}", "4:10", "in prompt: unknown key 'strenght'; did you mean 'stren"),
    ("loss: {scael: 1}", "4:8", "in loss: unknown key 'scael'; did you mean 'scale'?"),
    ("policy: {alow: []}", "4:10", "in policy: unknown key 'alow'; did you mean 'allow'?"),
    ("prompt: [dim]", "4:1", "prompt is a list; expected a mapping of keys and values"),
    ("prompt: 64", "4:1", "prompt is 64; expected a mapping of keys and values"),
    ("loss: 1.5", "4:1", "loss is 1.5; expected a mapping of keys and values"),
    (
        "loss: !!set {scale}",
        "4:7",
        "'!!set' is a tag; expected plain YAML, without anchors, aliase",
    ),
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
    (f"training: {{seed: 0x{'f' * 5000}}}", "4:18", "ff... cannot be read as int; expected a val"),
    (f"training: {{seed: {'9' * 5000}}}", "4:18", "99... cannot be read as int; expected a valid"),
    (
        f"{'k' * 900}: 1",
        "4:1",
        "kkk...'; known: data, features, loss, modalities, policy, prompt, space",
    ),
    (f"loss: {'x' * 500_000}", "4:1", "xxx...; expected a mapping of keys and values; correct it"),
    (
        f"loss: *{'x' * 5000}",
        "4:7",
        "xxx... is an alias; expected plain YAML, without anchors, aliase",
    ),
    (
        f"loss: !{'x' * 5000} 1",
        "4:7",
        "xxx... is a tag; expected plain YAML, without anchors, aliase",
    ),
    (
        "loss: !!int [1]",
        "4:7",
        "'!!int' is a tag; expected plain YAML, without anchors, aliases, m",
    ),
    ("loss: !!map x", "4:7", "merge keys and tags; remove the tag, or quote what is a text"),
    ("loss: !!omap {a: !!str 1}", "4:7", "'!!omap' is a tag; expected plain YAML, without anchors"),
    ("loss: {!!str scale: 1}", "4:8", "'!!str' is a tag; expected plain YAML, without anchors, al"),
    (
        "loss: !!bool x",
        "4:7",
        "'!!bool' is a tag; expected plain YAML, without anchors, aliases, m",
    ),
    (
        'loss: "\\ud800"',
        "4:7",
        "'\\ud800' cannot be read as text; expected a valid text; correct it",
    ),
    (
        "loss: {scale: =}",
        "4:15",
        "'=' cannot be read as text; expected a valid text; correct it, or put",
    ),
    (
        "loss: {scale: <<}",
        "4:15",
        "'<<' cannot be read as text; expected a valid text; correct it, or",
    ),
    ("<<: 5", "4:1", "'<<' is a merge key; expected plain YAML, without anchors, aliases, merge k"),
    (
        "<<: &a",
        "4:1",
        "'<<' is a merge key; expected plain YAML, without anchors, aliases, merge k",
    ),
    (
        "loss: {<<: [{scale: 1}, x]}",
        "4:8",
        "'<<' is a merge key; expected plain YAML, without anch",
    ),
    (
        "loss: &a {scale: 1, <<: *a}",
        "4:7",
        "'&a' is an anchor; expected plain YAML, without anchor",
    ),
    (
        "loss:\n- *a\n-\n  - *b",
        "5:3",
        "'*a' is an alias; expected plain YAML, without anchors, ",
    ),
    ("loss: {*a : 1}", "4:8", "'*a' is an alias; expected plain YAML, without anchors, aliases"),
    ("loss: {{scale: 1}: 1}", "4:8", "a list or mapping stands as a key; expected a word; write a"),
    ("loss: &a {scale: &a 2}", "4:7", "tags; write values out where they are used, and quote what"),
    ("\tloss: {}", "4:1", "that cannot start any token); expected valid YAML; indent with spaces"),
    (
        "loss:\t{scale: 1}",
        "4:6",
        "cannot start any token); expected valid YAML; indent with spaces",
    ),
    ("@loss: {}", "4:1", "found character '@' that cannot start any token); expected valid YAML"),
    ('loss: "\x00"', "4:8", "the character '\\x00' cannot stand in YAML; expected printable text"),
]


@pytest.mark.parametrize(("added", "place", "words"), WRONG, ids=[row[0][:60] for row in WRONG])
def test_one_mistake_is_one_line_with_its_place(
    refused: Refused, added: str, place: str, words: str
) -> None:
    (line,) = refused(f"{SMALLEST}{added}\n")
    assert line.startswith(f"{place}: ")
    assert words in line
