"""sentence-transformers folders: each text becomes what that library makes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from spaner_core import FeatureSpec, RowBatch
from spaner_core.method.aligner import build_aligner
from spaner_text.encoders.sentence_folder import POOLINGS
from spaner_text.reader import MeanWindow, build_reader
from torch import Tensor
from torch.nn.functional import normalize

from tests.plugins.text_models import LONG_TEXT, edit, save_adapter, save_sentence_folder

TEXTS = ("seven", "The cat sat on the mat", "someone is running up")


@pytest.fixture
def text(load: Callable[[str], Any]) -> Any:
    return load("text")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_sentence_folder(tmp_path_factory.mktemp("sentences") / "model")


def embed(text: Any, texts: Sequence[str], model: str, **options: object) -> Tensor:
    tokens = text.tokens(texts, {"model": model, **options})
    assert [len(given) for given in tokens] == [1] * len(texts)
    return torch.cat(tokens)


def check_same(text: Any, model: str, texts: Sequence[str] = TEXTS, **options: object) -> None:
    library = SentenceTransformer(model, device="cpu")
    expected = library.encode(list(texts), convert_to_tensor=True)
    given = embed(text, texts, model, **options)
    torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "poolings", [*((name,) for name in POOLINGS), ("lasttoken", "cls"), ("mean", "max")]
)
@pytest.mark.parametrize("dense", [False, True], ids=["", "dense"])
def test_every_pooling_gives_what_the_library_gives(
    text: Any, tmp_path: Path, poolings: tuple[str, ...], dense: bool
) -> None:
    check_same(text, save_sentence_folder(tmp_path / "model", poolings=poolings, dense=dense))


def test_flags_of_older_folders_are_understood(text: Any, tmp_path: Path) -> None:
    model = save_sentence_folder(tmp_path / "model", poolings=("cls", "mean"), dense=False)
    flags = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}
    (Path(model) / "1_Pooling/config.json").write_text(
        json.dumps({"word_embedding_dimension": 16, "pooling_mode_max_tokens": False, **flags}),
        encoding="utf-8",
    )
    check_same(text, model)


def test_the_transformer_may_have_a_folder_of_its_own(text: Any, tmp_path: Path) -> None:
    model = save_sentence_folder(tmp_path / "model", dense=False)
    own = Path(model) / "0_Transformer"
    own.mkdir()
    for file in ("config.json", "model.safetensors", "sentence_bert_config.json"):
        shutil.move(Path(model) / file, own / file)
    for tokenizer_file in Path(model).glob("tokenizer*"):
        shutil.move(tokenizer_file, own / tokenizer_file.name)
    modules = json.loads((Path(model) / "modules.json").read_text("utf-8"))
    modules[0]["path"] = "0_Transformer"
    (Path(model) / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    check_same(text, model)


def test_settings_named_by_the_family_of_the_model_are_read(
    text: Any, folder: str, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(folder, tmp_path / "old"))
    (model / "sentence_bert_config.json").unlink()
    settings = {"max_seq_length": 4, "do_lower_case": False}
    (model / "sentence_roberta_config.json").write_text(json.dumps(settings), encoding="utf-8")
    _, transform = text.build({"model": str(model)})
    assert {len(window) for window in transform.prepare(LONG_TEXT)} == {4}
    check_same(text, str(model), ["seven"])


def test_an_adapter_in_the_folder_of_its_model_is_part_of_the_model(
    text: Any, tmp_path: Path
) -> None:
    model = save_sentence_folder(tmp_path / "model", dense=False)
    plain, _ = text.build({"model": model})
    adapter = save_adapter(
        tmp_path / "lora", str(tmp_path / "model-transformer"), targets=("query", "value")
    )
    shutil.copytree(adapter, model, dirs_exist_ok=True)
    check_same(text, model)
    encoder, _ = text.build({"model": model})
    assert encoder.fingerprint != plain.fingerprint


def test_the_prompt_that_the_model_asks_for_stands_before_each_text(
    text: Any, tmp_path: Path
) -> None:
    prompts = {"prompts": {"query": "the cat: "}, "default_prompt_name": "query"}
    model = save_sentence_folder(tmp_path / "model", **prompts)
    check_same(text, model)
    plain = embed(text, TEXTS, model, prefix="")
    library = SentenceTransformer(model, device="cpu")
    expected = library.encode(list(TEXTS), prompt="", convert_to_tensor=True)
    torch.testing.assert_close(plain, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(plain, embed(text, TEXTS, model), atol=1e-3)


@pytest.mark.parametrize("dense", [False, True], ids=["", "behind dense and normalize"])
@pytest.mark.parametrize("kept", [3, 100])
def test_of_a_truncated_embedding_the_first_numbers_count(
    text: Any, tmp_path: Path, kept: int, dense: bool
) -> None:
    model = save_sentence_folder(tmp_path / "model", dense=dense, truncate_dim=kept)
    check_same(text, model)
    encoder, _ = text.build({"model": model})
    width = 8 if dense else 16
    assert encoder.features == FeatureSpec(dim=min(kept, width), prefix_tokens=1)
    edit(model, "config_sentence_transformers.json", truncate_dim=None)
    whole, _ = text.build({"model": model})
    # where nothing is cut, features are what they are without
    assert (encoder.fingerprint == whole.fingerprint) == (kept >= width)
    edit(model, "config_sentence_transformers.json", truncate_dim=kept - 1)
    other, _ = text.build({"model": model})
    assert (encoder.fingerprint == other.fingerprint) == (kept >= width)


def test_prompts_that_are_not_the_default_change_nothing(
    text: Any, folder: str, tmp_path: Path
) -> None:
    prompts = {"query": "the cat: ", "document": "dogs: ", "none": None}
    model = shutil.copytree(folder, tmp_path / "model")
    edit(model, "config_sentence_transformers.json", prompts=prompts, default_prompt_name=None)
    check_same(text, str(model))
    edit(model, "config_sentence_transformers.json", default_prompt_name="none")
    check_same(text, str(model))
    edit(model, "config_sentence_transformers.json", prompts={}, default_prompt_name="query")
    check_same(text, str(model))
    assert text.build({"model": str(model)})[0].fingerprint == (
        text.build({"model": folder})[0].fingerprint
    )


def test_a_length_given_to_the_tokenizer_is_the_length_of_a_window(
    text: Any, folder: str, tmp_path: Path
) -> None:
    model = shutil.copytree(folder, tmp_path / "short")
    asked = {"text": {"max_length": 9, "truncation": True}, "common": {"padding": "longest"}}
    edit(model, "sentence_bert_config.json", processing_kwargs=asked)
    check_same(text, str(model))
    _, transform = text.build({"model": str(model)})
    windows = transform.prepare(LONG_TEXT)
    assert {len(window) for window in windows} == {9}


def test_lower_case_is_respected(text: Any, tmp_path: Path) -> None:
    model = save_sentence_folder(tmp_path / "model")
    path = Path(model) / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    content["normalizer"]["lowercase"] = False
    path.write_text(json.dumps(content), encoding="utf-8")
    cased = embed(text, TEXTS[1:2], model)
    edit(model, "sentence_bert_config.json", do_lower_case=True)
    check_same(text, model)
    assert not torch.allclose(cased, embed(text, TEXTS[1:2], model), atol=1e-3)


def test_the_length_it_was_made_for_is_the_length_of_a_window(
    text: Any, folder: str, tmp_path: Path
) -> None:
    model = shutil.copytree(folder, tmp_path / "short")
    edit(model, "sentence_bert_config.json", max_seq_length=10)
    _, transform = text.build({"model": str(model)})
    assert {len(window) for window in transform.prepare(LONG_TEXT)} == {10}


def test_a_dense_layer_changes_the_width_and_is_in_the_fingerprint(
    text: Any, folder: str, tmp_path: Path
) -> None:
    encoder, _ = text.build({"model": folder})
    assert encoder.features == FeatureSpec(dim=8, prefix_tokens=1)
    other = shutil.copytree(folder, tmp_path / "other")
    edit(other, "2_Dense/config.json", activation_function="torch.nn.modules.linear.Identity")
    changed, _ = text.build({"model": str(other)})
    assert changed.fingerprint != encoder.fingerprint
    check_same(text, str(other))


def test_another_pooling_is_another_fingerprint(text: Any, folder: str, tmp_path: Path) -> None:
    encoder, transform = text.build({"model": folder})
    other = shutil.copytree(folder, tmp_path / "other")
    edit(other, "1_Pooling/config.json", pooling_mode="max")
    changed, same = text.build({"model": str(other)})
    assert changed.fingerprint != encoder.fingerprint
    assert same.fingerprint == transform.fingerprint


def test_the_aligner_reads_the_mean_of_the_windows_at_unit_length(text: Any, folder: str) -> None:
    encoder, transform = text.build({"model": folder})
    tokens, _ = encoder(encoder.collate(transform.prepare(LONG_TEXT)))
    aligner = build_aligner(encoder.features, 4, {}, own_reader=build_reader)
    assert isinstance(aligner.reader, MeanWindow)
    joined = tokens.transpose(0, 1)  # (1, windows, E), as core joins them
    mask = torch.ones(joined.shape[:2], dtype=torch.bool)
    expected = normalize(joined[0].mean(dim=0), dim=0)
    torch.testing.assert_close(aligner.reader(joined, mask)[0], expected)
    both = torch.cat([joined, -2 * joined])
    batch = RowBatch(both, mask.repeat(2, 1), torch.tensor([0, 1]))
    aligner.fit_statistics([batch], concept_count=2)
    torch.testing.assert_close(aligner.reader(joined, mask)[0], expected)
    assert bool((aligner.scale == 1).all())


def test_a_folder_of_plain_transformers_takes_the_mean(text: Any, tmp_path: Path) -> None:
    pooled = save_sentence_folder(tmp_path / "model", dense=False)
    plain = str(tmp_path / "model-transformer")  # what the folder was made of
    torch.testing.assert_close(embed(text, TEXTS, plain), embed(text, TEXTS, pooled))


def test_a_model_by_name_is_the_model_in_a_folder(text: Any, folder: str, tmp_path: Path) -> None:
    """Out of a cache laid out as the Hub's library does, which reads its settings at import."""
    commit = "0" * 40
    cache = tmp_path / "models--someone--some-model"
    shutil.copytree(folder, cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs/main").write_text(commit, encoding="ascii")
    code = (
        "import sys, spaner_text\n"
        "encoder = spaner_text.spaner_build_encoder(options={'model': 'someone/some-model'})\n"
        "sys.stdout.write(encoder.fingerprint)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == (text.build({"model": folder})[0].fingerprint, "")
