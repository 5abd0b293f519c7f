"""Draws a map of a space in two dimensions, by t-SNE."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from spaner_core.files.atomic import written_at_end

from spaner.evaluation.embedded_rows import EmbeddedRows

MOST_ROWS = 400
"""Rows of one modality that are drawn; more would hide one another."""

MOST_NAMED = 80
"""Concepts that the legend has room for; those after them are drawn all the same."""

MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")


def draw_map(embedded: Mapping[str, EmbeddedRows], output: Path, *, seed: int = 0) -> Path:
    """Draw embeddings: colour says the concept, shape the modality. Writes a PNG, atomically."""
    import matplotlib as mpl

    mpl.use("Agg")  # files only: no window system is needed
    from matplotlib import pyplot as plt

    chosen = {name: _sample(part, seed) for name, part in embedded.items()}
    points = _project(np.concatenate([part[0] for part in chosen.values()]), seed)
    concepts = sorted({concept for _, names in chosen.values() for concept in names})
    palette = [plt.get_cmap("tab20")(place) for place in range(20)]
    # strong colours first, each one's pale twin only after all of them
    colours = [*palette[0::2], *palette[1::2]]
    if many := len(concepts) > len(palette):
        colours = [plt.get_cmap("turbo")(share) for share in np.linspace(0, 1, len(concepts))]
    figure, axes = plt.subplots(figsize=(10, 7.5), layout="constrained")
    start = 0
    for marker, (name, (vectors, names)) in zip(_markers(len(chosen)), chosen.items(), strict=True):
        here = points[start : start + len(vectors)]
        start += len(vectors)
        places = [concepts.index(concept) for concept in names]
        axes.scatter(
            here[:, 0],
            here[:, 1],
            c=[colours[place % len(colours)] for place in places],
            marker=marker,
            s=26,
            alpha=0.75,
            linewidths=0.3,
            edgecolors="white",
        )
        axes.scatter([], [], c="0.35", marker=marker, label=name)
    for place, concept in enumerate(concepts[:MOST_NAMED]):
        axes.plot([], [], color=colours[place % len(colours)], linewidth=7, label=concept)
    axes.set(xticks=[], yticks=[])
    axes.set_title("The shared space (t-SNE): shape is modality, colour is concept")
    small = {"fontsize": "x-small", "ncols": 2} if many else {}
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, **small)
    with written_at_end(output) as partial:
        figure.savefig(partial, format="png", dpi=130)
    plt.close(figure)
    return output


def _markers(count: int) -> list[str]:
    return [MARKERS[place % len(MARKERS)] for place in range(count)]


def _sample(part: EmbeddedRows, seed: int) -> tuple[np.ndarray, list[str]]:
    order = np.random.default_rng(seed).permutation(len(part.rows))[:MOST_ROWS]
    names = [part.rows[place].concept or "no concept" for place in order]
    return part.embeddings.numpy()[order], names


def _project(vectors: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max(1.0, (len(vectors) - 1) / 3))
    tsne = TSNE(metric="cosine", init="random", perplexity=perplexity, random_state=seed)
    return np.asarray(tsne.fit_transform(vectors))
