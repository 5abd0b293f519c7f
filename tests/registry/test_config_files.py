"""Whole files that are wrong, and several mistakes at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spaner_registry.config.settings import read_config

from tests.registry.configs import SMALLEST

Refused = Callable[[str | bytes], list[str]]
WRONG_FILES = [
    ("", "1:1", "the file is empty; expected keys such as space, data and modalities"),
    ("# only a comment\n", "1:1", "the file is empty; expected keys such as"),
    ("\n- space\n", "2:1", "the file is a list; expected keys such as"),
    ("space\n", "1:1", "the file is 'space'; expected keys such as"),
    ("data: {manifest: m}\nmodalities: {a: }", "1:1", "space is missing; expected a value; write"),
    ("space: s\nmodalities: {a: }", "1:1", "data is missing; expected a value; write for example"),
    ("space: s\ndata: \nmodalities: {a: }", "2:1", "data.manifest is missing; expected a value"),
    ("space: s\ndata: {manifest: m}", "1:1", "modalities is missing; expected a value; write"),
    ("space: s\ndata: {manifest: m}\nmodalities: {}", "3:1", "modalities is empty; expected a val"),
    ("space: s\ndata: {manifest: m}\nmodalities:", "3:1", "modalities is empty; expected a mapp"),
    ("space: \ndata: {manifest: m}\nmodalities: {a: }", "1:1", "space is empty; expected a path"),
    ("space: s\ndata: {manifest: 3}\nmodalities: {a: }", "2:8", "is 3; expected a path; quote"),
    ("space: s\ndata: m.csv\nmodalities: {a: }", "2:1", "data is 'm.csv'; expected a mapping"),
    (
        "space: s\ndata: {manifest: m, colour: red}\nmodalities: {a: }",
        "2:21",
        "in data: unknown key 'colour'; known: manifest, max_unusable",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities: {a: {encodr: {}}}",
        "3:18",
        "in modalities.a: unknown key 'encodr'; did you mean 'encoder'?",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities:\n  a: hog",
        "4:3",
        "modalities.a is 'hog'; expected a mapping",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities:\n  a:\n    encoder: [x]",
        "5:5",
        "modalities.a.encoder is a list; expected a mapping",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities: {a: {encoder: {1: x}}}",
        "3:28",
        "key 1 stands in modalities.a.encoder; expected a text; quote it",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities: {../a: }",
        "3:14",
        "expected a plugin's name in lower-case letters, digits, - and _; rename it",
    ),
    ("space: s\ndata: {manifest: m}\nmodalities: {on: }", "3:14", "key true stands in modalities"),
    ("~", "1:1", "the file is empty; expected keys such as space, data and modalities; write"),
    ("false", "1:1", "the file is false; expected keys such as space, data and modalities"),
    ("\ufeff", "1:1", "the file is empty; expected keys such as space, data and modalities"),
    (
        f"\ufeff{SMALLEST}qq: 1",
        "4:1",
        "in the file: unknown key 'qq'; known: calibration, data, features",
    ),
    (f"{SMALLEST}---\n{SMALLEST}", "4:1", "another document begins here; expected one; remove"),
    (f"%YAML 9.9\n---\n{SMALLEST}", "1:1", "found incompatible YAML document (version 1.* is"),
    (f"{SMALLEST}qq: 1\n".replace("\n", "\r\n"), "4:1", "in the file: unknown key 'qq'; known"),
    ("space: s\ndata: [m.csv]\nmodalities: {a: }", "2:1", "data is a list; expected a mapping"),
    ("space: [s]\ndata: {manifest: m}\nmodalities: {a: }", "1:1", "space is a list; expected a"),
    ("space: ' '\ndata: {manifest: m}\nmodalities: {a: }", "1:1", "space is ' '; expected a path"),
    ('space: "a\\0b"\ndata: {manifest: m}\nmodalities: {a: }', "1:1", "expected a path; correct"),
    ("space: s\ndata: {manifest: m}\nmodalities: [a]", "3:1", "modalities is a list; expected a"),
    ("space: s\ndata: {manifest: m}\nmodalities: text", "3:1", "modalities is 'text'; expected a"),
    (
        "space: s\ndata: {manifest: m, max_unusable: 2}\nmodalities: {a: }",
        "2:21",
        "data.max_unusable is 2; expected a number from 0 to 1, or such numbers by modality",
    ),
    (
        "space: s\ndata: {manifest: m, max_unusable: [1]}\nmodalities: {a: }",
        "2:21",
        "data.max_unusable is a list; expected a number from 0 to 1, or such",
    ),
    (
        "space: s\ndata: {manifest: m, max_unusable: }\nmodalities: {a: }",
        "2:21",
        "data.max_unusable is empty; expected a number from 0 to 1, or such",
    ),
    (
        "space: s\ndata: {manifest: m, max_unusable: {a: lots}}\nmodalities: {a: }",
        "2:36",
        "data.max_unusable.a is 'lots'; expected a number from 0 to 1; correct it",
    ),
    (
        "space: s\ndata: {manifest: m, max_unusable: {default: -1}}\nmodalities: {a: }",
        "2:36",
        "data.max_unusable.default is -1; expected a number from 0 to 1",
    ),
    (
        "space: s\ndata: {manifest: m, max_unusable: {a: 0, defalt: 0.1}}\nmodalities: {a: }",
        "2:42",
        "in data.max_unusable: unknown key 'defalt'; did you mean 'default'?",
    ),
    (
        "space: s\ndata: {manifest: m, max_unusable: {1: 0.1}}\nmodalities: {a: }",
        "2:36",
        "key 1 stands in data.max_unusable; expected a text; quote it",
    ),
    (
        "space: s\ndata: {manifest: m, manifst: n}\nmodalities: {a: }",
        "2:21",
        "in data: unknown key 'manifst'; did you mean 'manifest'?",
    ),
    (
        "space: s\ndata: {manifest: m, manifest: n}\nmodalities: {a: }",
        "2:21",
        "key 'manifest' is given twice, on lines 2 and 2; expected each key once; remove one",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities:\n  a: {}\n  b:\n  a:",
        "6:3",
        "key 'a' is given twice, on lines 4 and 6; expected each key once; remove one of them",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities: {a: {aligner: {}, aligner: {}}}",
        "3:31",
        "key 'aligner' is given twice, on lines 3 and 3; expected each key once; remove one",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities: {a: {encoder: {x: [{b: 1, b: 2}]}}}",
        "3:39",
        "key 'b' is given twice, on lines 3 and 3; expected each key once; remove one of them",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities: {a: {encoder: {2024-01-01: 1}}}",
        "3:28",
        "key 2024-01-01 stands in modalities.a.encoder; expected a text; quote it",
    ),
    (
        "space: s\ndata: {manifest: m}\nmodalities: {a: {aligner: dropout}}",
        "3:18",
        "modalities.a.aligner is 'dropout'; expected a mapping of keys and values; correct it",
    ),
]


@pytest.mark.parametrize(("text", "place", "words"), WRONG_FILES)
def test_a_wrong_file_is_one_line_with_its_place(
    refused: Refused, text: str, place: str, words: str
) -> None:
    (line,) = refused(text)
    assert line.startswith(f"{place}: ")
    assert words in line


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(refused: Refused) -> None:
    text = (
        "spce: runs\n"
        "data: {manifest: m.csv}\n"
        "modalities: {text: {encodr: 1}}\n"
        "training: {seed: -1, seed: -2}\n"
        "prompt: {labels_from: sound, dim: 2024-99-99}\n"
    )
    places = [line.split(": ")[0] for line in refused(text)]
    # line 1: the unknown key and what it should have been; 4: given twice, and out of range
    assert places == ["1:1", "1:1", "3:21", "4:22", "4:22", "5:10", "5:35"]


def test_a_key_with_a_line_break_does_not_break_the_line(refused: Refused) -> None:
    lines = refused(SMALLEST.replace("{text: }", '{"a\\nb": 3}'))
    assert [line.split(": ")[0] for line in lines] == ["3:14"] * 2


def test_a_file_with_anchors_says_what_to_write_instead(refused: Refused) -> None:
    (line,) = refused(
        "space: s\ndata: {manifest: m}\nmodalities:\n"
        "  audio: &plain\n    aligner: {dropout: 0.1}\n"
        "  sensor: *plain\n"
        "  vision:\n    <<: *plain\n    encoder: {model: hog}\n"
    )
    assert line == (
        "4:10: '&plain' is an anchor; expected plain YAML, without anchors, aliases, merge keys "
        "and tags; write values out where they are used, and quote what is a text"
    )


@pytest.mark.parametrize("given", ["'&a'", "'*a'", "'!a'", '"<<"', "a&b*c!d<<"])
def test_what_looks_like_an_anchor_and_is_a_text_stays_one(tmp_path: Path, given: str) -> None:
    path = tmp_path / "plugins.yaml"
    path.write_text(SMALLEST.replace("{text: }", f"{{text: {{encoder: {{{given}: {given}}}}}}}"))
    text = given.strip("'\"")
    assert read_config(path).modalities["text"].encoder == {text: text}
