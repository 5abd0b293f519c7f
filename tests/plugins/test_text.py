from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core import FeatureSpec, OptionError, RowBatch, UnusableInput
from spaner_text.reader import HashedWords
from torch.nn.functional import cosine_similarity, normalize

PHRASES = ["seven", "a handwritten seven on paper", "número siete", "七"]


@pytest.fixture
def text(load: Callable[[str], Any]) -> Any:
    return load("text")


def test_one_token_a_word_whatever_the_case_width_and_punctuation(text: Any) -> None:
    full_width = "".join(chr(ord(letter) + 0xFEE0) for letter in "seven")
    plain, shouted, wide, sentence = text.tokens(["seven", "SEVEN!", full_width, "Is it «seven»?"])
    assert plain.shape == (1, 512)
    assert torch.equal(plain, shouted)
    assert torch.equal(plain, wide)
    assert sentence.shape == (3, 512)
    assert torch.equal(sentence[2], plain[0])


def test_the_builtin_encoder_gives_what_it_always_gave(text: Any) -> None:
    """Spaces that people have made know it by these."""
    encoder, transform = text.build()
    assert encoder.fingerprint[:16] == "90ddd9de6514882c"
    assert transform.fingerprint[:16] == "e652a27a0604b0f6"
    (tokens,) = text.tokens(["a handwritten seven on paper, número siete, 七 🙂"])
    content = hashlib.sha256(tokens.numpy().tobytes()).hexdigest()
    assert content[:16] == "96ac72b7c188df8b"


def test_emoji_is_a_word(text: Any) -> None:
    (tokens,) = text.tokens(["🙂"])
    assert tokens.any()


def test_related_spellings_are_closer_than_unrelated_ones(text: Any) -> None:
    quattro, quatre, eight = (tokens[0] for tokens in text.tokens(["quattro", "quatre", "eight"]))
    assert (
        cosine_similarity(quattro, quatre, dim=0) > cosine_similarity(quattro, eight, dim=0) + 0.2
    )


def test_a_file_reads_like_the_text_in_it(text: Any, tmp_path: Path) -> None:
    file = tmp_path / "phrase.txt"
    file.write_bytes("\ufeffun café\r\n".encode())
    from_file, inline = text.tokens([file, "un café"])
    assert torch.equal(from_file, inline)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"?!", "no word"),
        (b"caf\xe9", "byte 3 is not UTF-8"),
    ],
)
def test_unusable_files_are_refused(
    text: Any, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "bad.txt"
    file.write_bytes(content)
    with pytest.raises(UnusableInput, match=message):
        text.tokens([file])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_tokens": 12}, "unknown key 'window_tokens'"),
        ({"dims": 256}, "did you mean 'dim'"),
        ({"adapter": "./lora"}, "unknown key 'adapter'"),
        ({"shortest_ngram": 5}, "shortest_ngram is 5 and longest_ngram 4"),
        ({"dim": 0}, "dim is 0"),
        ({"dim": 10**12}, "dim is 1000000000000"),
        ({"longest_ngram": 10**12}, "longest_ngram 1000000000000"),
    ],
)
def test_wrong_options_are_refused(text: Any, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        text.build(options)


def test_reader_weighs_dimensions_by_rarity_as_a_slow_loop_does() -> None:
    torch.manual_seed(0)
    rows, words, width = 5, 3, 7
    features = torch.randint(0, 2, (rows, words, width)).float()
    mask = torch.tensor([[True, True, True], [True, False, False]] + [[True, True, False]] * 3)
    features = features * mask.unsqueeze(-1)
    reader = HashedWords(FeatureSpec(dim=width))
    reader.fit([RowBatch(features, mask, torch.zeros(len(features)).long())])
    means = [[features[i, mask[i], e].mean().item() for e in range(width)] for i in range(rows)]
    expected = []
    for mean in means:
        row = []
        for e in range(width):
            found = sum(other[e] != 0 for other in means)
            row.append(mean[e] * (math.log((1 + rows) / (1 + found)) + 1))
        length = math.sqrt(sum(value**2 for value in row)) or 1
        expected.append([value / length for value in row])
    torch.testing.assert_close(reader(features, mask), torch.tensor(expected))


def test_reader_weighs_all_alike_until_it_is_fitted() -> None:
    features, mask = torch.rand(4, 1, 6), torch.ones(4, 1, dtype=torch.bool)
    reader = HashedWords(FeatureSpec(dim=6))
    torch.testing.assert_close(reader(features, mask), normalize(features[:, 0], dim=-1))
