"""Whole files that are wrong, several mistakes at once, and files nobody can read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spaner_core import ConfigError
from spaner_registry.config.settings import read_config

Refused = Callable[[str | bytes], list[str]]

SMALLEST = "space: s\ndata: {manifest: m.csv}\nmodalities: {text: }\n"

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
    (f"\ufeff{SMALLEST}qq: 1", "4:1", "in the file: unknown key 'qq'; known: data, features, loss"),
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


def _laughs(steps: int, step: str) -> str:
    """Write anchors that each repeat the one before: 10 ** `steps` values in a few lines."""
    lines = ["a0: &a0 {x: 1}"]
    for number in range(1, steps):
        lines.append(f"a{number}: &a{number} {step.replace('ALIAS', f'*a{number - 1}')}")
    return "\n".join(lines)


TEN = ", ".join(["ALIAS"] * 10)
LIMITS = {
    "brackets": (f"{SMALLEST}loss: {'[' * 10_000}", "4:46: mappings and lists stand too deep"),
    "braces": (f"{SMALLEST}loss: {'{a: ' * 10_000}", "4:163: mappings and lists stand too deep"),
    "dashes": (f"{SMALLEST}loss:\n{'- ' * 10_000}x", "5:79: mappings and lists stand too deep"),
    "question marks": (f"{SMALLEST}{'? ' * 10_000}", "4:81: mappings and lists stand too deep"),
    "indents": (
        SMALLEST + "\n".join(f"{' ' * depth}a:" for depth in range(1000)),
        "44:41: mappings and lists stand too deep",
    ),
    "laughs in lists": (SMALLEST + _laughs(40, f"[{TEN}]"), "4:5: '&a0' is an anchor; expected "),
    "laughs in merges": (
        SMALLEST + _laughs(40, f"{{<<: [{TEN}]}}").replace("&a0 ", ""),
        "5:5: '&a1' is an anchor; expected plain YAML",
    ),
    "aliases in a row": (
        SMALLEST + f"loss: [{'*a, ' * 90_000}]",
        "4:8: '*a' is an alias; expected",
    ),
    "many values": (f"{SMALLEST}loss: [{'1, ' * 100_000}]", "4:29987: too many values stand here"),
    "many letters": (f"{SMALLEST}# {'x' * 2**20}", " the file is larger than 1 MiB; expected a"),
}


@pytest.mark.parametrize(("text", "told"), LIMITS.values(), ids=LIMITS)
def test_a_file_that_would_take_the_memory_or_the_stack_is_refused(
    refused: Refused, text: str, told: str
) -> None:
    (line,) = refused(text)
    assert line.startswith(told)
    assert "; expected " in line


def test_what_people_write_is_far_from_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "plugins.yaml"
    nested = "[" * 30 + "]" * 30
    path.write_text(
        "space: s\ndata: {manifest: m}\nmodalities:\n  text:\n    encoder:\n"
        f"      words: [{'word, ' * 8000}]\n      deep: {nested}\n"
        f"# {'x' * 500_000}\n"
    )
    encoder = read_config(path).modalities["text"].encoder
    assert encoder["words"] == ["word"] * 8000


def test_a_half_written_file_is_never_a_crash(refused: Refused) -> None:
    whole = (
        "space: &s runs/base\ndata: {manifest: 'm.csv'}\nprompt: {labels_from: text, dim: 64}\n"
        "modalities:\n  text: &t\n    encoder: {model: hog, sizes: [1, 2.5, 1e-3]}\n"
        "  audio:\n    <<: *t\npolicy:\n  links: {audio: [text]}\n  allow:\n  - spaner-text\n"
    )
    needed = whole.index("text: &t") + len("text")  # with the colon it is whole enough
    for length in range(needed + 1):
        for line in refused(whole[:length]):
            assert line.split(":")[0].isdigit()


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


def _refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "absent.yaml"
    assert _refusal(missing) == (
        f"{missing}: there is no such file; expected a plugins.yaml; "
        "write one, or name another with --config"
    )
    assert "this is a folder; expected a YAML file" in _refusal(tmp_path)
    assert "there is no such file" in _refusal(missing / "plugins.yaml")
    assert "cannot be read (embedded null byte); expected a readable" in _refusal(Path("a\0b"))
    (tmp_path / "link.yaml").symlink_to("absent.yaml")
    assert "this is a link" in _refusal(tmp_path / "link.yaml")
    (tmp_path / "large.yaml").write_bytes(bytes(2**20 + 1))
    assert "the file is larger than 1 MiB" in _refusal(tmp_path / "large.yaml")


@pytest.mark.parametrize("place", ["/", "circle", "circle/below"])
def test_a_path_at_which_nothing_can_be_kept(tmp_path: Path, place: str) -> None:
    (tmp_path / "circle").symlink_to("circle")
    path = tmp_path / "plugins.yaml"
    path.write_text(SMALLEST.replace("space: s", f"space: {place}"), encoding="utf-8")
    assert f"{path}:1:1: space is {place!r}; " in _refusal(path)


@pytest.mark.parametrize("cache", ["~nobody-of-this-name/x", "circle"])
def test_a_cache_folder_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "plugins.yaml").write_text(SMALLEST, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPANER_CACHE_DIR", cache)
    with pytest.raises(ConfigError, match=f"SPANER_CACHE_DIR is {cache}"):
        _ = read_config(Path("plugins.yaml")).feature_store


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"space: s\ndata: caf\xe9\n", "2:10: byte 0xe9 is not UTF-8; expected text in UTF-8"),
        (SMALLEST.encode("utf-16"), "1:1: byte 0xff is not UTF-8; expected text in UTF-8; save"),
        (SMALLEST.encode("utf-32-be"), "1:1: the character '\\x00' cannot stand in YAML"),
        (b"space: s\xe2\x82", "1:9: byte 0xe2 is not UTF-8; expected text in UTF-8; save"),
        (b"\x89PNG\r\n\x1a\n", "1:1: byte 0x89 is not UTF-8; expected text in UTF-8; save the"),
    ],
)
def test_what_is_no_text_in_utf_8(refused: Refused, content: bytes, told: str) -> None:
    (line,) = refused(content)
    assert line.startswith(told)
