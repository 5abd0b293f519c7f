"""Baselines with a known answer: ridge, class means, canonical correlation, losses, LoRA."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from baselines.canonical import canonical_maps
from baselines.contrast import Contrast, paired_contrast
from baselines.methods import METHODS
from baselines.reading import read
from baselines.task import draw_task
from datasets import Dataset, load_dataset
from scipy.linalg import eigh
from sklearn.cross_decomposition import CCA
from sklearn.neighbors import NearestCentroid
from torch import Tensor


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def nearest(queries: Tensor, gallery: Tensor) -> Tensor:
    unit = torch.nn.functional.normalize
    return (unit(queries, dim=1) @ unit(gallery, dim=1).T).argmax(dim=1)


def test_ridge_solves_the_normal_equations_of_rows_and_names(digits: Dataset) -> None:
    task = draw_task(digits, "test", shots=2, seed=0)
    settings = {"penalty": 0.3, "texts": "mapped"}
    embeddings = METHODS["ridge to names"].fit(task, settings).embeddings
    reading = read(task)
    names = reading.names.means().double().numpy()
    names /= np.linalg.norm(names, axis=1, keepdims=True)
    for name in task.rows:
        known = reading.known(name)
        x, y = known.values.double().numpy(), names[known.concepts.numpy()]
        centred = x - x.mean(axis=0)
        weights = np.linalg.inv(centred.T @ centred + 0.3 * np.eye(x.shape[1]))
        weights = weights @ centred.T @ (y - y.mean(axis=0))
        expected = (reading.shown[name].numpy() - x.mean(axis=0)) @ weights + y.mean(axis=0)
        np.testing.assert_allclose(embeddings[name].numpy(), expected, atol=1e-5)


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")  # letters that no text has
def test_the_nearest_class_mean_is_that_of_scikit_learn(digits: Dataset) -> None:
    task = draw_task(digits, "test", shots=4, seed=0)
    embeddings = METHODS["nearest class mean"].fit(task, {"sharpness": 20.0}).embeddings
    reading = read(task)
    for name, shown in reading.shown.items():
        known = reading.known(name)
        model = NearestCentroid().fit(known.values.numpy(), known.concepts.numpy())
        centroids = torch.from_numpy(model.centroids_).float()
        assert torch.equal(embeddings[name].argmax(dim=1), nearest(shown, centroids))


def views(*widths: int) -> list[Tensor]:
    """Rows (60, P) of several views that share two hidden variables."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(60, 2, generator=generator, dtype=torch.float64)
    made = []
    for width in widths:
        mix = torch.randn(2, width, generator=generator, dtype=torch.float64)
        noise = torch.randn(60, width, generator=generator, dtype=torch.float64)
        rows = hidden @ mix + noise
        made.append((rows - rows.mean(dim=0)) / math.sqrt(len(rows)))
    return made


def test_canonical_maps_of_two_views_are_those_of_scikit_learn() -> None:
    first, second = views(4, 3)
    maps, values = canonical_maps([first, second], [first.T @ first, second.T @ second], width=3)
    model = CCA(n_components=3, scale=False, max_iter=10_000, tol=1e-12)
    theirs = model.fit_transform(first.numpy(), second.numpy())
    for column in range(3):
        ours = [
            (view @ matrix)[:, column] for view, matrix in zip((first, second), maps, strict=True)
        ]
        correlation = np.corrcoef(*ours)[0, 1]
        assert correlation == pytest.approx(values[column].item(), abs=1e-8)
        for mine, their in zip(ours, theirs, strict=True):
            assert abs(np.corrcoef(mine, their[:, column])[0, 1]) == pytest.approx(1, abs=1e-5)


def test_canonical_maps_of_three_views_solve_the_defining_eigenproblem() -> None:
    parts = views(4, 3, 5)
    spreads = [0.7 * part.T @ part + 0.3 * torch.eye(part.shape[1]) for part in parts]
    maps, values = canonical_maps(parts, spreads, width=4)
    joined = torch.cat(parts, dim=1)
    own = torch.block_diag(*(part.T @ part for part in parts)).numpy()
    expected, _ = eigh((joined.T @ joined).numpy() - own, torch.block_diag(*spreads).numpy())
    np.testing.assert_allclose(values.numpy(), expected[::-1][:4], atol=1e-10)
    for a, spread in enumerate(spreads):
        others = sum(parts[b] @ maps[b] for b in range(3) if b != a)
        residual = parts[a].T @ others - spread @ maps[a] * values
        assert residual.abs().max() < 1e-10


def test_infonce_takes_one_match_and_leaves_its_fellows_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, keys = torch.randn(3, 4), torch.randn(5, 4, requires_grad=True)
    matches = torch.tensor([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]).bool()
    scale = torch.tensor(2.0)
    scores = (scale * queries @ keys.T).detach()

    def loss_of(query: int, match: int) -> float:
        against = [match, *(j for j in range(5) if not matches[query, j])]
        return float(scores[query, against].logsumexp(0) - scores[query, match])

    possible = [(loss_of(0, match) + loss_of(1, 2)) / 2 for match in (0, 1)]
    seen = set()
    for _ in range(20):
        loss = paired_contrast(queries, keys, matches, scale=scale, generator=generator)
        fits = [match for match, value in enumerate(possible) if abs(value - loss.item()) < 1e-5]
        seen.update(fits)
        assert len(fits) == 1
    assert seen == {0, 1}


def test_binding_to_text_does_not_look_at_the_other_pairs() -> None:
    embeddings = {name: torch.randn(4, 8, requires_grad=True) for name in ("text", "a", "b")}
    concepts = {name: torch.tensor([0, 0, 1, 1]) for name in embeddings}
    bound = Contrast([("text", "a"), ("text", "b")], kind="supcon", scale=10.0, seed=0)
    (moved,) = torch.autograd.grad(bound(embeddings, concepts), embeddings["a"], retain_graph=True)
    alone = Contrast([("text", "a")], kind="supcon", scale=10.0, seed=0)
    (expected,) = torch.autograd.grad(alone(embeddings, concepts), embeddings["a"])
    torch.testing.assert_close(moved, expected / 2)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it
def test_lora_starts_as_the_frozen_encoder_and_trains_little_of_it() -> None:
    from baselines.heads import Head, count_trained
    from baselines.tuned_encoder import Texts, TunedTexts

    torch.manual_seed(0)
    reader, head = Texts(), Head("mlp", 384, dropout=0.4)
    shown, centre = reader.read(["a picture of a four", "seven"]), torch.full((384,), 0.01)
    with torch.no_grad():
        tokens, _ = reader.encoder({"ids": shown.values.squeeze(-1).long(), "mask": shown.mask})
        unit = torch.nn.functional.normalize
        frozen = unit(unit(tokens, dim=-1) - centre, dim=-1) * math.sqrt(384)
        expected = head.eval()(frozen, shown.mask)
    tuned = TunedTexts(reader.encoder, centre, head).eval()
    embedded = tuned(shown.values, shown.mask)
    torch.testing.assert_close(embedded, expected, atol=1e-5, rtol=1e-4)
    # six layers, queries and values, two matrices of 8 x 384 each
    assert count_trained([tuned]) == count_trained([head]) + 6 * 2 * 2 * 8 * 384
    embedded.sum().backward()
    moved = [n for n, p in tuned.transformer.named_parameters() if p.grad is not None]
    assert moved
    assert all("lora_" in name for name in moved)
