"""Plain transformers models: their own tokens averaged, long texts in windows, nothing cut."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from spaner_text.encoders.tokens import Tokens
from torch import Tensor
from transformers import AutoModel, AutoTokenizer, ByT5Tokenizer, T5Config, T5EncoderModel, T5Model

from tests.plugins.text_models import (
    LINES,
    LONG_TEXT,
    TRANSFORMERS,
    WIDTH,
    save_adapter,
    save_bert,
    save_t5,
)

PLACES = 24
"""Tokens that each of the tiny models reads at once."""


@pytest.fixture
def text(load: Callable[[str], Any]) -> Any:
    return load("text")


@pytest.fixture(scope="module", params=TRANSFORMERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return TRANSFORMERS[request.param](tmp_path_factory.mktemp(request.param) / "model")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_bert(tmp_path_factory.mktemp("bert") / "model")


def mean_of_last_layer(model: str, text: str) -> Tensor:
    """What the library alone gives."""
    loaded = AutoModel.from_pretrained(model).eval()
    encoder = loaded.encoder if isinstance(loaded, T5Model) else loaded
    given = AutoTokenizer.from_pretrained(model)(text, return_tensors="pt")
    with torch.no_grad():
        hidden = encoder(
            input_ids=given["input_ids"], attention_mask=given["attention_mask"]
        ).last_hidden_state
    mean: Tensor = hidden[0].mean(dim=0)
    return mean


def windows_of(text: Any, source: str, **options: object) -> list[list[int]]:
    _, transform = text.build(options)
    return [window.tolist() for window in transform.prepare(transform.decode(source))]


def test_a_text_is_the_mean_of_its_tokens_special_ones_included(text: Any, model: str) -> None:
    lines = ("seven", "the cat sat", "someone is up")
    tokens = text.tokens(lines, {"model": model})  # all in one batch, padded
    for line, given in zip(lines, tokens, strict=True):
        assert given.shape == (1, WIDTH)
        torch.testing.assert_close(given[0], mean_of_last_layer(model, line), atol=1e-5, rtol=1e-5)


def test_no_token_of_a_long_text_is_lost_and_no_window_is_too_long(text: Any, model: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    whole = tokenizer(LONG_TEXT, add_special_tokens=False)["input_ids"]
    around = tokenizer("", add_special_tokens=True)["input_ids"]
    windows = windows_of(text, LONG_TEXT, model=model, overlap=0)
    room = PLACES - len(around)
    assert {len(window) for window in windows} == {PLACES}
    for window in windows:  # each is what the tokenizer makes of a short text
        assert window[0] == around[0] or len(around) == 1
        assert window[-1] == around[-1]
    skip = len(around) - 1
    bodies = [window[skip : skip + room] for window in windows]
    assert [token for body in bodies[:-1] for token in body] == whole[: room * (len(bodies) - 1)]
    assert bodies[-1] == whole[-room:]


def test_overlap_is_the_share_that_windows_have_in_common(text: Any, bert: str) -> None:
    first, second, *_ = windows_of(text, LONG_TEXT, model=bert, window_tokens=22, overlap=0.25)
    assert first[-6:-1] == second[1:6]  # 20 tokens of text a window, 5 of them shared


def test_each_window_is_a_token_of_the_text(text: Any, bert: str) -> None:
    windows = windows_of(text, LONG_TEXT, model=bert)
    assert len(windows) > 3
    encoder, transform = text.build({"model": bert})
    from spaner_core.features.in_memory import extract

    rows = extract(encoder, transform, [LONG_TEXT, LINES[0]])
    assert rows.mask.sum(dim=1).tolist() == [len(windows), 1]
    assert (encoder.features.tokens, encoder.features.prefix_tokens) == (None, 1)


def test_a_tokenizer_that_was_saved_to_cut_and_pad_does_neither(
    text: Any, bert: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "cutting"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.enable_truncation(max_length=8)
    tokenizer.backend_tokenizer.enable_padding(length=16)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    assert windows_of(text, LONG_TEXT, model=str(folder)) == windows_of(text, LONG_TEXT, model=bert)
    plain, cutting = (text.build({"model": name})[1] for name in (bert, str(folder)))
    assert plain.fingerprint == cutting.fingerprint


def test_a_model_without_a_limit_reads_512_tokens(text: Any, tmp_path: Path) -> None:
    model = save_t5(tmp_path / "t5", max_length=None)
    long = " ".join([LONG_TEXT] * 10)
    assert max(map(len, windows_of(text, long, model=model))) == 512
    assert max(map(len, windows_of(text, long, model=model, window_tokens=600))) == 600


def test_the_encoder_of_a_folder_without_decoder_is_the_same(text: Any, tmp_path: Path) -> None:
    both = save_t5(tmp_path / "both")
    half = Path(shutil.copytree(both, tmp_path / "half"))
    T5EncoderModel.from_pretrained(both).save_pretrained(half)
    given, expected = (text.tokens([LINES[0]], {"model": str(name)})[0] for name in (half, both))
    torch.testing.assert_close(given, expected)


def test_a_slow_tokenizer_is_read_in_windows_and_has_a_fingerprint(
    text: Any, tmp_path: Path
) -> None:
    ByT5Tokenizer(extra_ids=0).save_pretrained(tmp_path)
    config = T5Config(vocab_size=260, d_model=16, d_kv=8, d_ff=32, num_heads=2, num_layers=1)
    T5Model(config).save_pretrained(tmp_path)
    options = {"model": str(tmp_path), "window_tokens": 50, "overlap": 0}
    windows = windows_of(text, LONG_TEXT, **options)
    letters = [byte + 3 for byte in LONG_TEXT.encode()]
    assert [token for window in windows[:-1] for token in window[:-1]] == letters[
        : 49 * (len(windows) - 1)
    ]
    first, again = (text.build(options)[1].fingerprint for _ in range(2))
    assert first == again
    assert first != text.build({**options, "window_tokens": 40})[1].fingerprint


def test_fingerprints_follow_what_is_in_the_folder_and_not_its_name(
    text: Any, bert: str, tmp_path: Path
) -> None:
    def fingerprints(model: object) -> tuple[str, str]:
        encoder, transform = text.build({"model": str(model)})
        transform.prepare(transform.decode(LONG_TEXT))  # used or not makes no difference
        return encoder.fingerprint, transform.fingerprint

    known = fingerprints(bert)
    assert fingerprints(shutil.copytree(bert, tmp_path / "copy")) == known
    cased = Path(shutil.copytree(bert, tmp_path / "cased"))
    content = (cased / "tokenizer.json").read_text("utf-8")
    (cased / "tokenizer.json").write_text(
        content.replace('"lowercase":true', '"lowercase": false').replace(
            '"lowercase": true', '"lowercase": false'
        ),
        encoding="utf-8",
    )
    encoder, transform = fingerprints(cased)
    assert encoder == known[0]
    assert transform != known[1]
    other = fingerprints(save_bert(tmp_path / "other", seed=1))
    assert other[0] != known[0]


def test_a_prefix_stands_before_every_window(text: Any, bert: str) -> None:
    options = {"model": bert, "prefix": "the cat: "}
    tokenizer = AutoTokenizer.from_pretrained(bert)
    (short,) = windows_of(text, "seven dogs", **options)
    assert short == tokenizer("the cat: seven dogs")["input_ids"]
    prefix = tokenizer("the cat: ", add_special_tokens=False)["input_ids"]
    windows = windows_of(text, LONG_TEXT, **options)
    assert len(windows) > 3
    assert all(window[1 : 1 + len(prefix)] == prefix for window in windows)
    assert {len(window) for window in windows} == {PLACES}


def test_an_adapter_changes_what_its_layers_give(text: Any, model: str, tmp_path: Path) -> None:
    layer = "q" if isinstance(AutoModel.from_pretrained(model), T5Model) else "query"
    adapter = save_adapter(tmp_path / "lora", model, targets=(layer,))
    options = {"model": model, "adapter": adapter}
    (plain,), (adapted,) = text.tokens(LINES[:1], {"model": model}), text.tokens(LINES[:1], options)
    assert not torch.allclose(plain, adapted, atol=1e-3)
    assert load_file(Path(adapter) / "adapter_model.safetensors")


@pytest.mark.parametrize(
    "given", ["?!", "🙂", "七", "\u00e9" * 5_000, "a\0b", "x" * 100_000, "[SEP] [PAD] </s> <pad>"]
)
def test_odd_texts_have_finite_features(text: Any, model: str, given: str) -> None:
    encoder, transform = text.build({"model": model})
    windows = transform.prepare(transform.decode(given))
    tokens, mask = encoder(encoder.collate(windows))
    assert torch.isfinite(tokens).all()
    assert mask.all()


def test_a_million_words_are_windows_of_the_same_length(bert: str) -> None:
    tokens = Tokens(AutoTokenizer.from_pretrained(bert), window_tokens=PLACES)
    windows = tokens.windows("cat " * 1_000_000)
    assert sum(len(window) - 2 for window in windows) >= 1_000_000
    assert {len(window) for window in windows} == {PLACES}
