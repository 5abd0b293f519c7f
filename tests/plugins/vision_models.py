"""Tiny timm models with random weights, saved as users save theirs, and inputs to try them on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import timm
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from timm.models import save_for_hf

FAMILIES = ("vit", "cnn", "channels last")
SWIN = "swin_tiny_patch4_window7_224"
SMALL_SWIN = {
    **{"img_size": 32, "window_size": 4, "embed_dim": 16},
    **{"depths": (1, 1), "num_heads": (1, 2)},
}


def make(architecture: str, *, seed: int = 0, **arguments: Any) -> Any:
    """A model as `timm.create_model` gives it, with its own random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return timm.create_model(architecture, **arguments).eval()


def save_folder(folder: Path, model: Any) -> Path:
    save_for_hf(model, folder, safe_serialization=True)
    return folder


def save_checkpoint(path: Path, model: Any) -> Path:
    save_file(model.state_dict(), path)
    return path


def save_adapter(folder: Path, model: Any, *, targets: str, **config: Any) -> Any:
    """Put a LoRA adapter on `model`, let it change something, save it; return the adapted model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        lora = peft.LoraConfig(r=2, target_modules=targets, init_lora_weights=False, **config)
        adapted = peft.get_peft_model(model, lora)
        adapted.save_pretrained(folder)
    return adapted.eval()


def draw_inputs(folder: Path) -> list[Path]:
    """Three pictures of different shapes, and a document of two pages."""
    pages = []
    for number, size in enumerate([(48, 64), (90, 50), (32, 32), (60, 60), (70, 40)]):
        page = Image.new("RGB", size, "white")
        pen = ImageDraw.Draw(page)
        pen.ellipse((4, 4, 14 + 8 * number, 28), fill=("navy", "red", "green")[number % 3])
        pen.line((0, 30, size[0], 2 * number), fill="black", width=2)
        pages.append(page)
    paths = [folder / f"{number}.png" for number in range(3)]
    for path, page in zip(paths, pages, strict=False):
        page.save(path)
    pages[3].save(folder / "pages.pdf", save_all=True, append_images=pages[4:])
    return [*paths, folder / "pages.pdf"]
