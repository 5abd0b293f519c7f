"""The baselines that SPANER is compared with: each does what its name says."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import eigh
from sklearn.cross_decomposition import CCA
from sklearn.neighbors import NearestCentroid
from spaner_core.features.labelled import LabelledRows
from torch import Tensor

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from baselines.canonical import canonical_maps
from baselines.contrast import Contrast, paired_contrast
from baselines.material import Material, load_material
from baselines.methods import METHODS, OURS, WITH_MINILM
from baselines.reading import read
from baselines.search import Run, Trial, draw_trials, measure, tune
from baselines.tables import report
from baselines.task import CONCEPT_COUNT, TEXT

ROOT = Path(__file__).parents[1]
CHANCE = 1 / CONCEPT_COUNT
SHUFFLED = 0.25  # ten classes of a few rows give some bijections more than their share


def usual(name: str) -> dict[str, Any]:
    return draw_trials({**METHODS, **WITH_MINILM}[name], 1)[0]


@pytest.fixture(scope="module")
def material() -> Material:
    return load_material(read_by_minilm=False)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What a quick comparison prints, and its raw figures."""
    figures = tmp_path_factory.mktemp("comparison") / "figures.json"
    command = [sys.executable, "benchmarks/compare.py", "--quick", "--json", str(figures)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, json.loads(figures.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_every_method_beats_chance_by_far_and_stands_in_the_tables(
    quick: tuple[str, dict[str, Any]], name: str
) -> None:
    page, raw = quick
    reached = {
        r["shots"]: r["figures"]["mean_recall@1"] for r in raw["runs"] if r["method"] == name
    }
    assert reached[1] > 4 * CHANCE
    assert reached[4] > max(6 * CHANCE, reached[1])
    assert page.count(f"| {name} |") == (2 if name == OURS else 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_shuffled_labels_bring_every_method_to_chance(material: Material, name: str) -> None:
    task = material.task("test", shots=8, seed=0)
    generator = torch.Generator().manual_seed(0)
    rows = {key: shuffle_labels(part, generator) for key, part in task.rows.items()}
    outcome = METHODS[name].fit(replace(task, rows=rows), usual(name))
    truth = material.truth("test")
    hits = [
        (truth[b].concepts[nearest(x, y)] == truth[a].concepts).float().mean().item()
        for a, x in outcome.embeddings.items()
        for b, y in outcome.embeddings.items()
        if a != b
    ]
    assert np.mean(hits) < SHUFFLED


def shuffle_labels(rows: LabelledRows, generator: torch.Generator) -> LabelledRows:
    places = torch.nonzero(rows.concepts >= 0).flatten()
    concepts = rows.concepts.clone()
    concepts[places] = concepts[places[torch.randperm(len(places), generator=generator)]]
    return replace(rows, concepts=concepts)


def nearest(queries: Tensor, gallery: Tensor) -> Tensor:
    unit = torch.nn.functional.normalize
    return (unit(queries, dim=1) @ unit(gallery, dim=1).T).argmax(dim=1)


def test_a_task_shows_as_many_labels_as_shots_and_none_of_what_is_embedded(
    material: Material,
) -> None:
    task = material.task("validation", shots=2, seed=3)
    for rows in task.rows.values():
        known = rows.concepts[rows.concepts >= 0]
        assert torch.bincount(known).tolist() == [2] * CONCEPT_COUNT
        assert len(rows) > len(known)
    assert not any(hasattr(rows, "concepts") for rows in task.shown.values())
    assert len(task.written.rows) == len(task.rows[TEXT])


def test_settings_are_chosen_without_the_test_split(material: Material) -> None:
    blind = replace(material, rows={s: r for s, r in material.rows.items() if s != "test"})
    method = METHODS["nearest class mean"]
    tried = tune("nearest class mean", method, blind, trials=6)
    assert len(tried) == 6
    assert all(len(trial.scores) == 2 for trial in tried)
    with pytest.raises(KeyError):
        measure("", method, tried[0].settings, blind, split="test", shots=1, seed=0)


def test_trials_begin_with_the_usual_settings_and_never_repeat() -> None:
    for method in METHODS.values():
        trials = draw_trials(method, 6)
        assert trials[0] == {name: values[0] for name, values in method.grid.items()}
        different = len({tuple(trial.values()) for trial in trials})
        every = math.prod(map(len, method.grid.values()))
        assert (
            different == len(trials) == (every if method.closed_form else 3 if method.known else 6)
        )
        assert trials == draw_trials(method, 6)


def test_ridge_solves_the_normal_equations_of_rows_and_names(material: Material) -> None:
    task = material.task("test", shots=2, seed=0)
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
def test_the_nearest_class_mean_is_that_of_scikit_learn(material: Material) -> None:
    task = material.task("test", shots=4, seed=0)
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


def test_the_tables_say_where_a_baseline_wins() -> None:
    def run(method: str, seed: int, recall: float, precision: float) -> Run:
        figures = {"mean_recall@1": recall, "mean_map": precision}
        return Run(method=method, shots=1, seed=seed, seconds=1.0, parameters=1000, figures=figures)

    runs = [run(OURS, seed, 0.7 + seed / 100, 0.6 + seed / 50) for seed in range(3)]
    runs += [run("rival", seed, 0.8 + seed / 100, 0.5 + seed / 50) for seed in range(3)]
    tried = {1: (0.5, 0.7), 2: (0.7, 0.8)}
    trials = [Trial(settings={"depth": d}, scores=scores) for d, scores in tried.items()]
    page = report(runs, {OURS: trials[:1], "rival": trials})
    assert "- **rival**: R@1 ahead at 1; mAP behind at 1" in page
    assert "| rival | -0.100 ±0.000 / +0.100 ±0.000 |" in page
    assert "| rival | 2 | depth 2 | 0.600, 0.750 |" in page
    assert "run more" in report([r for r in runs if r.seed == 0], {OURS: trials, "rival": trials})
