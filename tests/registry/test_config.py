from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import ValidationError
from spaner_core import ConfigError, OptionError, read_options
from spaner_core.recipe import Recipe
from spaner_registry.config import Config, read_config

SMALLEST = "space: s\ndata: {manifest: m.csv}\nmodalities: {text: }\n"

WHOLE = """\
# the demo
space: runs/base
data: {manifest: data/manifest.csv}
prompt:
  labels_from: text
  labels: ./labels.csv
  dim: 64
  strength: 1
  anchors: labels
  whitening: 1e-2
  read_out_sharpness: 5
loss: {anchor_weight: 0, scale: 20}
modalities:
  text:
  vision:
    encoder: {model: hog, sizes: {1: 2}}
    aligner: {dropout: 0.4}
training:
  max_steps: 1e3
  per_device_train_batch_size: 8
  learning_rate: 1e-3
  adam_beta2: 0.9
  warmup_steps: 0
  weight_decay: 0
  seed: 4294967295
policy:
  links: {audio: [text], vision: []}
  allow: [spaner-text]
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "plugins.yaml"
    path.write_text(text)
    return path


def _refusal(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    return str(caught.value).splitlines()


def test_reads_every_key(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, WHOLE))
    assert config.path == tmp_path / "plugins.yaml"
    assert config.space == tmp_path / "runs/base"
    assert config.data.manifest == tmp_path / "data/manifest.csv"
    assert config.prompt.model_dump() == {
        "labels_from": "text",
        "labels": tmp_path / "labels.csv",
        "dim": 64,
        "strength": 1.0,
        "anchors": "labels",
        "whitening": 0.01,
        "read_out_sharpness": 5.0,
    }
    assert config.loss.model_dump() == {"anchor_weight": 0.0, "scale": 20.0}
    assert list(config.modalities) == ["text", "vision"]
    assert config.modalities["text"].model_dump() == {"encoder": {}, "aligner": {}}
    assert config.modalities["vision"].encoder == {"model": "hog", "sizes": {1: 2}}
    assert config.modalities["vision"].aligner == {"dropout": 0.4}
    assert config.training.model_dump() == {
        "max_steps": 1000,
        "per_device_train_batch_size": 8,
        "learning_rate": 0.001,
        "adam_beta2": 0.9,
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "seed": 4294967295,
    }
    assert config.policy.links == {"audio": ("text",), "vision": ()}
    assert config.policy.allow == ("spaner-text",)


def test_the_numbers_reach_the_recipe(tmp_path: Path) -> None:
    recipe = read_config(_write(tmp_path, WHOLE)).recipe
    assert (recipe.prompt.dim, recipe.prompt.anchors, recipe.prompt.whitening) == (
        64,
        "labels",
        0.01,
    )
    assert (recipe.loss.anchor_weight, recipe.loss.scale) == (0, 20)
    assert (recipe.training.max_steps, recipe.training.adam_beta2) == (1000, 0.9)


def test_what_is_left_out_is_the_measured_default(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, SMALLEST))
    assert config.recipe == Recipe()
    assert config.prompt.labels_from is None
    assert config.policy.links is None
    assert config.policy.allow is None


def test_sections_with_nothing_under_them_set_nothing(tmp_path: Path) -> None:
    blank = "prompt:\nloss:\ntraining:\n  # seed: 1\npolicy:\n"
    assert read_config(_write(tmp_path, SMALLEST + blank)).recipe == Recipe()


def test_an_empty_policy_is_kept_apart_from_none(tmp_path: Path) -> None:
    policy = read_config(_write(tmp_path, SMALLEST + "policy: {links: {}, allow: []}\n")).policy
    assert (policy.links, policy.allow) == ({}, ())


def test_absolute_and_home_paths_are_not_put_under_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    text = SMALLEST.replace("space: s", "space: ~/s").replace("m.csv", "/data/m.csv")
    config = read_config(_write(tmp_path, text))
    assert config.space == Path("/home/someone/s")
    assert config.data.manifest == Path("/data/m.csv")
    text = SMALLEST.replace("space: s", "space: ~nobody-of-that-name/s")
    assert read_config(_write(tmp_path, text)).space == tmp_path / "~nobody-of-that-name/s"


def test_anchors_aliases_and_merges_are_those_of_yaml(tmp_path: Path) -> None:
    text = (
        "space: s\ndata: {manifest: m.csv}\nmodalities:\n"
        "  audio: &plain\n    aligner: {dropout: 0.1}\n"
        "  sensor: *plain\n"
        "  vision:\n    <<: *plain\n    encoder: {model: hog}\n"
    )
    config = read_config(_write(tmp_path, text))
    assert config.modalities["sensor"].aligner == {"dropout": 0.1}
    assert config.modalities["vision"].aligner == {"dropout": 0.1}
    assert config.locate("modalities", "vision", "aligner", "dropout").endswith(":5:15")


def test_a_config_cannot_be_changed(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, SMALLEST))
    with pytest.raises(ValidationError, match="frozen"):
        config.training.seed = 3  # type: ignore[misc]


def test_locate_gives_the_key_or_the_nearest_above(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, WHOLE))
    path = config.path
    assert config.locate("modalities", "vision", "encoder", "model") == f"{path}:16:15"
    assert config.locate("modalities", "vision", "encoder", "absent") == f"{path}:16:5"
    assert config.locate("modalities", "vision", "aligner", "") == f"{path}:17:5"
    assert config.locate("policy", "links", "audio", 0) == f"{path}:27:19"
    assert config.locate() == f"{path}:2:1"
    assert read_config(path).model_copy(update={"space": Path("x")}).locate() == f"{path}:2:1"


def test_a_plugins_option_errors_get_their_places(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Options:
        dropout: float = 0.1
        width: int = 3

    text = SMALLEST.replace("{text: }", "{text: {aligner: {widht: 3, dropout: much}}}")
    config = read_config(_write(tmp_path, text))
    with pytest.raises(OptionError) as caught:
        read_options(Options, config.modalities["text"].aligner)
    error = config.option_error(caught.value, "modalities", "text", "aligner")
    lines = str(error).splitlines()
    assert lines[0] == f"{config.path}:3:31: unknown key 'widht'; did you mean 'width'?"
    assert lines[1].startswith(f"{config.path}:3:41: dropout: ")


WRONG = [
    # text added to the smallest file (from line 4), expected place, expected words
    ("qq: 1", "4:1", "in the file: unknown key 'qq'; known: data, loss, modalities"),
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
    ("training: [1]", "4:1", "training is a list; expected a mapping of keys and values"),
    ("prompt: {strength: 1.5}", "4:10", "is 1.5; expected a number from 0 to 1; correct it, or re"),
    ("prompt: {dim: 1}", "4:10", "is 1; expected a whole number of at least 2; correct it, or"),
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
    ("policy: {allow: [1]}", "4:18", "policy.allow.0 is 1; expected a text; correct it"),
    (
        "? [a]\n: 1",
        "4:3",
        "a list or mapping stands as a key; expected a word; write a word before",
    ),
    ("1: x", "4:1", "key 1 stands in the file; expected a text; quote it"),
    ("loss: !!python/object/apply:os.getcwd []", "4:7", "is unknown; expected plain data; remove"),
    ("loss: {scale: 2024-99-99}", "4:15", "'2024-99-99' cannot be read as timestamp; expected a "),
    ("loss: &a {scale: *a}", "4:7", "an alias repeats the mapping or list that it stands in"),
    ("loss: {scale: *a}", "4:15", "not YAML (found undefined alias 'a'); expected valid YAML"),
    ("loss: {scale: 1", "5:1", "not YAML (while parsing a flow mapping expected ',' or '}'"),
    ("loss:\n\tscale: 1", "5:1", "expected valid YAML; indent with spaces, not tabs"),
    (
        "loss: 'x",
        "5:1",
        "found unexpected end of stream); expected valid YAML; correct this or the",
    ),
    ("---\nloss: {}", "4:1", "but found another document); expected valid YAML"),
    ("<<: 5", "4:5", "expected a mapping or list of mappings for merging"),
    ('loss: "\x07"', "4:8", "the character '\\x07' cannot stand in YAML; expected printable text"),
]


@pytest.mark.parametrize(("added", "place", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_one_mistake_is_one_line_with_its_place(
    tmp_path: Path, added: str, place: str, words: str
) -> None:
    path = _write(tmp_path, f"{SMALLEST}{added}\n")
    (line,) = _refusal(path)
    assert line.startswith(f"{path}:{place}: ")
    assert words in line


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
    ("space: s\ndata: {manifest: 3}\nmodalities: {a: }", "2:8", "is 3; expected a path; correct"),
    ("space: s\ndata: m.csv\nmodalities: {a: }", "2:1", "data is 'm.csv'; expected a mapping"),
    (
        "space: s\ndata: {manifest: m, max_unusable: 1}\nmodalities: {a: }",
        "2:21",
        "in data: unknown key 'max_unusable'; known: manifest",
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
]


@pytest.mark.parametrize(("text", "place", "words"), WRONG_FILES)
def test_a_wrong_file_is_one_line_with_its_place(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    path = _write(tmp_path, text)
    (line,) = _refusal(path)
    assert line.startswith(f"{path}:{place}: ")
    assert words in line


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        "spce: runs\n"
        "data: {manifest: m.csv}\n"
        "modalities: {text: {encodr: 1}}\n"
        "training: {seed: -1, seed: -2}\n"
        "prompt: {labels_from: sound, dim: !!x 3}\n"
    )
    path = _write(tmp_path, text)
    places = [line.removeprefix(f"{path}:").split(": ")[0] for line in _refusal(path)]
    # line 1: the unknown key and what it should have been; 4: given twice, and out of range
    assert places == ["1:1", "1:1", "3:21", "4:22", "4:22", "5:10", "5:35"]


def test_a_key_with_a_line_break_does_not_break_the_line(tmp_path: Path) -> None:
    text = SMALLEST.replace("{text: }", '{"a\\nb": 3}')
    lines = _refusal(_write(tmp_path, text))
    assert [line.split(": ")[0].rsplit("/")[-1] for line in lines] == ["plugins.yaml:3:14"] * 2


def test_a_repeated_alias_tells_its_mistake_once(tmp_path: Path) -> None:
    text = SMALLEST.replace("{text: }", "{a: {encoder: &e {x: 1, x: 2}}, b: {encoder: *e}}")
    (line,) = _refusal(_write(tmp_path, text))
    assert "key 'x' is given twice" in line


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "absent.yaml"
    assert _refusal(missing) == [
        f"{missing}: there is no such file; expected a plugins.yaml; "
        "write one, or name another with --config"
    ]
    (line,) = _refusal(tmp_path)
    assert "this is a folder; expected a YAML file" in line
    (line,) = _refusal(missing / "plugins.yaml")
    assert "there is no such file" in line
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"space: s\ndata: caf\xe9\n")
    (line,) = _refusal(latin)
    assert line.startswith(f"{latin}:2:10: byte 0xe9 is not UTF-8; expected text in UTF-8")


def test_every_section_is_refused_unless_something_reads_it() -> None:
    assert set(Config.model_fields) == {
        "space",
        "data",
        "prompt",
        "loss",
        "modalities",
        "training",
        "policy",
    }
