"""What is no plain YAML, or is written twice: what is said of each, and where."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.registry.configs import SMALLEST

Refused = Callable[[str | bytes], list[str]]

WRONG = [
    # text added to the smallest file (from line 4), expected place, expected words
    ("loss: {scale: 2.0, scale: 3.0}", "4:20", "key 'scale' is given twice, on lines 4 and 4"),
    ("space: t", "4:1", "key 'space' is given twice, on lines 1 and 4; expected each key once"),
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
    (
        "loss: !!set {scale}",
        "4:7",
        "'!!set' is a tag; expected plain YAML, without anchors, aliase",
    ),
    (f"training: {{seed: 0x{'f' * 5000}}}", "4:18", "ff... cannot be read as int; expected a val"),
    (f"training: {{seed: {'9' * 5000}}}", "4:18", "99... cannot be read as int; expected a valid"),
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
