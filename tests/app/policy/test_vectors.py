"""Vectors that a space gave are compared as its policy lets their modalities find one another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import spaner as product

from tests.app.projects import picture


def test_vectors_of_unknown_origin_are_not_compared(
    trained: Path, configure: Callable[..., None]
) -> None:
    links = {"text": ["vision"], "vision": ["audio", "text"]}
    configure(trained, links, "policy", "links")
    space = product.load(trained / "plugins.yaml")
    texts = space.encode(["one", "two"], modality="text", convert_to_tensor=True)
    pictures = space.encode(str(picture(trained)), modality="vision")
    assert space.similarity(texts[1:], pictures[0]).shape == (1,)
    for kept_of_it in (texts.clone(), [[0.0] * pictures.shape[1]]):
        with pytest.raises(product.SpanerError, match="cannot tell"):
            space.similarity(kept_of_it, pictures)
    texts_alone = product.SpaceModality(space, "text")
    with pytest.raises(product.SpanerError, match="'text' may not find 'text'"):
        texts_alone.similarity(texts, texts)
    by_folder = product.load(trained / "space")  # no policy binds who opens it so
    assert by_folder.similarity(texts.numpy().copy(), pictures).shape == (2, 1)
