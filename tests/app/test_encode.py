"""`Space.encode` on many inputs: batches, bad ones among them, and sentence-transformers' names."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spaner as product
import torch
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
from spaner_core.errors import ConfigError, DataError

from tests.app.projects import picture

TEXTS = [" ".join(["two", "running"] * (1 + place % 7)) + f" {place}" for place in range(300)]


@pytest.fixture(scope="module")
def space(attached_project: Path) -> product.Space:
    return product.load(attached_project / "space")


def test_rows_come_in_the_order_given_however_inputs_are_batched(space: product.Space) -> None:
    given = [*TEXTS, *TEXTS[:3]]
    together = space.encode(given, modality="text", batch_size=7)
    assert np.allclose(together[300:], together[:3], atol=1e-6)
    assert np.allclose(together, space.encode(given, modality="text"), rtol=1e-5, atol=1e-6)
    for place in (0, 150, 299):
        alone = space.encode(TEXTS[place], modality="text", batch_size=1)
        assert np.allclose(together[place], alone[0], rtol=1e-5, atol=1e-6)


def test_a_bad_input_names_its_place(space: product.Space, attached_project: Path) -> None:
    good = picture(attached_project)
    with pytest.raises(DataError, match=r"^inputs\[1\]: gone\.png: there is no such file") as one:
        space.encode([good, "gone.png", good], modality="vision")
    assert "\n" not in str(one.value)
    with pytest.raises(DataError) as several:
        space.encode([b"no picture", good, "gone.png", good, "gone.png"], modality="vision")
    first, *listed = str(several.value).split("\n")
    assert first.startswith("3 of 5 inputs cannot be used")
    places = [line.split(":")[0].strip() for line in listed]
    assert places == ["inputs[0]", "inputs[2]", "inputs[4]"]
    with pytest.raises(DataError, match=r"^inputs\[1\]: an input of 'text' is of type int"):
        space.encode(["two", 7], modality="text")


def test_bad_inputs_can_be_skipped(space: product.Space, attached_project: Path) -> None:
    one, two = picture(attached_project), picture(attached_project, 1)
    nothing = np.zeros((0, 0, 3), np.uint8)
    given = [two, "gone.png", one, None, nothing, two]
    found = space.encode(given, modality="vision", errors="skip")
    assert found.read.tolist() == [0, 2, 5]
    wanted = space.encode([two, one, two], modality="vision")
    assert np.array_equal(found.embeddings, wanted)
    assert list(found.unread) == [1, 3, 4]
    for place, says in ((1, "gone.png: "), (3, "NoneType"), (4, "an object of type ndarray: ")):
        assert says in found.unread[place]
    assert repr(found).startswith("Encoded(3 of 6 inputs read, (3, 128); inputs[1]: gone.png: ")
    assert repr(found).endswith("; and 2 more)")
    assert np.asarray(given, dtype=object)[found.read][1] == one


def test_skipping_may_leave_all_or_nothing(space: product.Space) -> None:
    every = space.encode(["two", "one"], modality="text", errors="skip")
    assert (every.read.tolist(), dict(every.unread)) == ([0, 1], {})
    none = space.encode([None, ""], modality="text", errors="skip", convert_to_tensor=True)
    assert (tuple(none.embeddings.shape), none.read.tolist()) == ((0, 128), [])
    assert list(none.unread) == [0, 1]
    with pytest.raises(DataError, match="of type int"):
        space.encode(7, modality="text", errors="skip")


def test_the_bytes_of_a_file_are_an_input(space: product.Space, attached_project: Path) -> None:
    file = picture(attached_project)
    wanted = space.encode(file, modality="vision")
    assert np.array_equal(space.encode(file.read_bytes(), modality="vision"), wanted)
    assert np.array_equal(
        space.encode([b"zwei"], modality="text"), space.encode("zwei", modality="text")
    )
    with pytest.raises(DataError, match=r"^5 bytes: "):
        space.encode(b"\x00\xff\x00\xff\x00", modality="vision")


def test_embeddings_come_as_a_tensor_where_one_is_asked_for(space: product.Space) -> None:
    tensor = space.encode(["two", "one"], modality="text", convert_to_tensor=True)
    assert isinstance(tensor, torch.Tensor)
    array = space.encode(["two", "one"], modality="text", convert_to_tensor=False)
    assert np.array_equal(tensor.numpy(), array)


def test_a_bar_shows_only_where_it_is_asked_for(
    space: product.Space, capsys: pytest.CaptureFixture[str]
) -> None:
    space.encode(["two", "one"], modality="text")
    assert capsys.readouterr() == ("", "")
    space.encode(["two", "one"], modality="text", show_progress_bar=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "text: 100%" in shown.err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("batch_size", 0),
        ("batch_size", "32"),
        ("device", "tpu"),
        ("device", "meta"),
        ("errors", "ignore"),
    ],
)
def test_an_option_that_cannot_be_is_refused(space: product.Space, option: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{option} .*{value}.*; give ") as refused:
        space.encode("two", modality="text", **{option: value})
    assert "\n" not in str(refused.value)


def test_an_encoder_computes_where_it_is_told(
    space: product.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert space.encode("two", modality="text", device="cpu").shape == (1, 128)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device is available"):
        space.encode("two", modality="text", device="cuda")


def test_an_evaluator_of_sentence_transformers_gives_our_figures(attached: Path) -> None:
    project = product.Project(attached / "plugins.yaml")
    ours = project.evaluate("text", "vision", split="test")
    given = {name: project.manifest.select(name, "test") for name in ("text", "vision")}
    concepts: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    inputs: dict[str, dict[str, str]] = defaultdict(dict)
    for name, rows in given.items():
        for row, source in zip(rows, project.sources(name, rows), strict=True):
            concepts[name][row.id].add(row.concept or "")
            inputs[name][row.id] = str(source)
    for source, target in (("text", "vision"), ("vision", "text")):
        evaluator = InformationRetrievalEvaluator(
            inputs[source],
            inputs[target],
            {
                query: {i for i, others in concepts[target].items() if others & known}
                for query, known in concepts[source].items()
            },
            accuracy_at_k=[1, 5, 10],
            map_at_k=[len(inputs[target])],
            write_csv=False,
        )
        theirs = evaluator(
            product.SpaceModality(project.space, source),
            corpus_model=product.SpaceModality(project.space, target),
        )
        for k in (1, 5, 10):
            assert theirs[f"cosine_accuracy@{k}"] == ours[f"{source}_to_{target}_recall@{k}"]
        assert theirs["cosine_mrr@10"] == pytest.approx(ours[f"{source}_to_{target}_mrr@10"])
        whole = theirs[f"cosine_map@{len(inputs[target])}"]
        assert whole == pytest.approx(ours[f"{source}_to_{target}_map"])


def test_a_modality_of_a_space_has_no_prompts(space: product.Space) -> None:
    text = product.SpaceModality(space, "text", strength=1.0)
    wanted = space.encode(["two"], modality="text", strength=1.0)
    assert np.array_equal(text.encode(["two"]), wanted)
    with pytest.raises(ConfigError, match="prompt is 'query: '"):
        text.encode_query(["two"], prompt="query: ")
    assert repr(text).startswith("SpaceModality(Space('")
