from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from spaner_core import Examples, FeatureSpec
from spaner_core.conformance import RULES, Rule, Subject, open_subject
from spaner_core.features.in_memory import extract
from spaner_vision.encoders.timm_encoder import read_layout
from timm.data import create_transform, resolve_model_data_config

from tests.plugins import vision_models

IN_THIS_PROCESS = [rule for rule in RULES if "second_process" not in rule.__name__]


@pytest.fixture
def vision(load: Callable[[str], Any]) -> Any:
    return load("vision")


def vit_examples(folder: Path) -> Examples:
    """A ViT as a file of weights beside timm's own name for it."""
    model = vision_models.make("test_vit")
    known = vision_models.save_checkpoint(folder / "known.safetensors", model)
    other = vision_models.make("test_vit", seed=1)
    adapter = folder / "adapter"
    changing = {
        "checkpoint": str(vision_models.save_checkpoint(folder / "other.safetensors", other)),
        "adapter": str(adapter),
    }
    vision_models.save_adapter(adapter, model, targets=r".*\.qkv")
    return Examples(
        inputs=vision_models.draw_inputs(folder),
        objects=[np.full((20, 30, 3), 200, dtype=np.uint8)],
        options={"model": "test_vit", "checkpoint": str(known)},
        changing=changing,
        neutral={"model": "test_vit.r160_in1k"},  # the same model, by its full name
    )


def folder_examples(folder: Path, name: str, *, targets: str, **arguments: Any) -> Examples:
    """A model of another architecture as timm's `save_for_hf` writes it."""
    model = vision_models.make(name, **arguments)
    known = vision_models.save_folder(folder / "known", model)
    other = vision_models.make(name, seed=1, **arguments)
    changing = {
        "model": str(vision_models.save_folder(folder / "other", other)),
        "adapter": str(folder / "adapter"),
    }
    vision_models.save_adapter(folder / "adapter", model, targets=targets)
    return Examples(
        inputs=vision_models.draw_inputs(folder),
        objects=[np.full((20, 30, 3), 200, dtype=np.uint8)],
        options={"model": str(known)},
        changing=changing,
        neutral={"checkpoint": None},  # a folder has weights of its own
    )


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Examples]:
    folders = {family: tmp_path_factory.mktemp(family) for family in vision_models.FAMILIES}
    swin = {"targets": r".*\.qkv", **vision_models.SMALL_SWIN}
    return {
        "vit": vit_examples(folders["vit"]),
        "cnn": folder_examples(folders["cnn"], "test_resnet", targets=r".*\.conv2"),
        "channels last": folder_examples(folders["channels last"], vision_models.SWIN, **swin),
    }


@pytest.fixture(scope="module")
def subjects(
    examples: dict[str, Examples], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Subject]:
    folder = tmp_path_factory.mktemp("subjects")
    return {
        family: open_subject("vision", folder, examples=given) for family, given in examples.items()
    }


@pytest.mark.parametrize(
    ("family", "rule"),
    [
        pytest.param(family, rule, id=f"{family}-{rule.__name__}")
        for family in vision_models.FAMILIES
        for rule in (RULES if family == "vit" else IN_THIS_PROCESS)
        # random weights know no order of severities: to them, more noise is not farther away
        if rule.__name__ != "check_severities"
    ],
)
def test_a_timm_model_keeps_the_rule(family: str, rule: Rule, subjects: dict[str, Subject]) -> None:
    rule(subjects[family])


def timm_features(model: Any, path: Path) -> torch.Tensor:
    prepare = create_transform(**resolve_model_data_config(model), is_training=False)
    with torch.inference_mode(), Image.open(path) as image:
        features: torch.Tensor = model.forward_features(prepare(image.convert("RGB"))[None])
    return features[0]


@pytest.mark.parametrize(
    ("family", "spec"),
    [
        ("vit", FeatureSpec(dim=64, grid=(10, 10), prefix_tokens=1)),
        ("cnn", FeatureSpec(dim=96, grid=(5, 5))),
        ("channels last", FeatureSpec(dim=32, grid=(4, 4))),
    ],
)
def test_tokens_are_those_of_timm_row_by_row(
    vision: Any, examples: dict[str, Examples], family: str, spec: FeatureSpec
) -> None:
    given = examples[family]
    encoder, _ = vision.build(given.options)
    assert encoder.features == spec
    (tokens,) = vision.tokens(given.inputs[:1], given.options)
    expected = timm_features(encoder.encoder.model, Path(given.inputs[0]))
    if family == "vit":
        torch.testing.assert_close(tokens, expected)
    assert spec.grid is not None
    rows, columns = spec.grid
    for row, column in ((0, 0), (0, columns - 1), (rows - 1, 0), (1, 2)):
        place = spec.prefix_tokens + row * columns + column
        if family == "cnn":
            torch.testing.assert_close(tokens[place], expected[:, row, column])
        elif family == "channels last":
            torch.testing.assert_close(tokens[place], expected[row, column])


def test_every_page_of_a_document_gives_the_tokens_of_that_page_alone(
    vision: Any, examples: dict[str, Examples]
) -> None:
    given = examples["vit"]
    document = Path(given.inputs[-1])
    first, second, *alone = vision.tokens(
        [document, *(document.with_name(f"pages.pdf#page={n}") for n in (1, 2))], given.options
    )
    torch.testing.assert_close(first, alone[0])
    torch.testing.assert_close(second, alone[1])
    assert not torch.allclose(first, second)
    encoder, transform = vision.build(given.options)
    assert extract(encoder, transform, [document]).values.shape == (1, 202, 64)


def test_prefix_tokens_and_uneven_grids_are_read_from_the_model() -> None:
    size = (32, 64)
    small = {"depth": 1, "embed_dim": 12, "num_heads": 2, "img_size": size}
    registers = vision_models.make("vit_tiny_patch16_224", reg_tokens=4, **small)
    assert read_layout(registers, (3, *size)) == FeatureSpec(dim=12, grid=(2, 4), prefix_tokens=5)
    undeclared = vision_models.make("coat_lite_tiny")  # says nothing of its CLS token
    assert read_layout(undeclared, (3, 224, 224)) == FeatureSpec(
        dim=320, grid=(7, 7), prefix_tokens=1
    )


def test_what_a_folder_says_of_its_pictures_is_done_to_them(vision: Any, tmp_path: Path) -> None:
    model = vision_models.make("test_resnet", in_chans=1)
    folder = vision_models.save_folder(tmp_path / "grey", model)
    picture = vision_models.draw_inputs(tmp_path)[0]
    _, transform = vision.build({"model": str(folder)})
    (window,) = transform.prepare(transform.decode(picture))
    assert window.shape == (1, 160, 160)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["pretrained_cfg"].update(input_size=[1, 96, 96], mean=[0.25], std=[0.1])
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    smaller, darker = vision.build({"model": str(folder)})
    (window,) = darker.prepare(darker.decode(picture))
    assert window.shape == (1, 96, 96)
    assert window.max() == pytest.approx((1 - 0.25) / 0.1)
    assert smaller.features.grid == (3, 3)
    assert transform.fingerprint != darker.fingerprint


def test_arguments_that_weights_do_not_show_are_in_the_fingerprint(
    vision: Any, tmp_path: Path
) -> None:
    folder = vision_models.save_folder(tmp_path / "vit", vision_models.make("test_vit"))
    known = vision.build({"model": str(folder)})[0].fingerprint
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["model_args"]["num_heads"] = 4
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert vision.build({"model": str(folder)})[0].fingerprint != known


def test_hog_needs_no_timm() -> None:
    code = (
        "import sys, spaner_vision as v\n"
        "v.spaner_build_transform(v.spaner_build_encoder({}), {})\n"
        "print('timm' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
