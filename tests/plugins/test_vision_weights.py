from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from spaner_core import ConfigError, OptionError
from spaner_vision.encoders.timm_encoder import read_layout

from tests.plugins import vision_models


@pytest.fixture
def vision(load: Callable[[str], Any]) -> Any:
    return load("vision")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return vision_models.draw_inputs(tmp_path)[0]


def test_a_folder_and_files_of_the_same_weights_are_the_same_encoder(
    vision: Any, picture: Path, tmp_path: Path
) -> None:
    model = vision_models.make("test_vit")
    torch.save({"epoch": 3, "state_dict": model.state_dict()}, tmp_path / "trained.pth")
    save = vision_models.save_checkpoint
    ways = [
        {"model": str(vision_models.save_folder(tmp_path / "folder", model))},
        {"model": "test_vit", "checkpoint": str(save(tmp_path / "a b.safetensors", model))},
        {"model": "test_vit", "checkpoint": str(tmp_path / "trained.pth")},
    ]
    fingerprints = {vision.build(options)[0].fingerprint for options in ways}
    assert len(fingerprints) == 1
    first, *others = [vision.tokens([picture], options)[0] for options in ways]
    for other in others:
        assert torch.equal(other, first)


@pytest.mark.parametrize("classes", [0, 7])
@pytest.mark.parametrize("architecture", ["test_vit", "test_convnext", "levit_128s"])
def test_a_checkpoint_may_have_another_classifier_or_none(
    vision: Any, tmp_path: Path, architecture: str, classes: int
) -> None:
    model = vision_models.make(architecture, num_classes=classes)
    path = vision_models.save_checkpoint(tmp_path / "w.safetensors", model)
    encoder, _ = vision.build({"model": architecture, "checkpoint": str(path)})
    kept = encoder.encoder.model.state_dict()
    assert kept
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in kept.items())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"blocks.1.mlp.fc1.weight": None}, "blocks.1.mlp.fc1.weight"),
        ({"blocks.9.extra": torch.zeros(3)}, "blocks.9.extra"),
        ({"norm.weight": torch.zeros(3)}, "norm.weight"),
    ],
    ids=["missing", "stranger", "of another size"],
)
def test_a_checkpoint_that_does_not_fit_is_refused_by_the_weights_name(
    vision: Any, tmp_path: Path, change: dict[str, torch.Tensor | None], named: str
) -> None:
    state = {**vision_models.make("test_vit").state_dict(), **change}
    kept = {name: value for name, value in state.items() if value is not None}
    save_file(kept, tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match=rf"checkpoint .*w\.safetensors.*{named}") as refusal:
        vision.build({"model": "test_vit", "checkpoint": str(tmp_path / "w.safetensors")})
    assert len(str(refusal.value).splitlines()) == 1


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_checkpoint_that_holds_code_is_refused_and_not_run(vision: Any, tmp_path: Path) -> None:
    torch.save({"state_dict": Payload(tmp_path / "ran")}, tmp_path / "w.pt")
    with pytest.raises(ConfigError, match="weights_only"):
        vision.build({"model": "test_vit", "checkpoint": str(tmp_path / "w.pt")})
    assert not (tmp_path / "ran").exists()


def test_weights_that_timm_would_leave_at_random_are_named(vision: Any, tmp_path: Path) -> None:
    state = vision_models.make("dla46_c").state_dict()  # timm is not strict with this one
    del state["level5.root.conv.weight"]
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match=r"has no level5\.root\.conv\.weight"):
        vision.build({"model": "dla46_c", "checkpoint": str(tmp_path / "w.safetensors")})


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.npz"])
def test_a_damaged_checkpoint_is_refused(vision: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\0" * 100)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        vision.build({"model": "test_vit", "checkpoint": str(tmp_path / name)})


def test_a_folder_lacking_weights_or_configuration_is_refused(vision: Any, tmp_path: Path) -> None:
    folder = vision_models.save_folder(tmp_path / "vit", vision_models.make("test_vit"))
    weights = folder / "model.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:5000])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        vision.build({"model": str(folder)})
    weights.unlink()
    with pytest.raises(ConfigError, match=r"No suitable checkpoints.*model\.safetensors"):
        vision.build({"model": str(folder)})
    (folder / "config.json").write_text(json.dumps({"model_type": "vit"}), encoding="utf-8")
    with pytest.raises(ConfigError, match="architecture"):
        vision.build({"model": str(folder)})
    (folder / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"expected config\.json"):
        vision.build({"model": str(folder)})
    with pytest.raises(ConfigError, match="there is no such folder"):
        vision.build({"model": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    "name", ["test_vit", "vit_small_patch14_dinov2.lvd142m", "hf-hub:timm/test_vit.r160_in1k"]
)
def test_weights_that_cannot_be_fetched_say_so_and_how_to_do_without(
    vision: Any, name: str
) -> None:
    with pytest.raises(ConfigError, match=r"cannot be fetched .*HF_HUB_OFFLINE.* \./folder"):
        vision.build({"model": name})


def test_a_model_without_weights_is_never_drawn_at_random(vision: Any) -> None:
    with pytest.raises(ConfigError, match="no weights that timm could fetch"):
        vision.build({"model": "resnet50_mlp.untrained"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnet"}, r"expected hog, .*did you mean resnet"),
        ({"model": "vit_smal_patch14_dinov2"}, "did you mean vit_small_patch14_dinov2"),
        ({"model": "vit_small_patch14_dinov2.lvd143m"}, r"mean vit_small_patch14_dinov2\.lvd142m"),
        ({"model": "timm/test_vit"}, "hf-hub:timm/test_vit"),
        ({"model": "local-dir:./folder"}, r"a folder as \./folder"),
        ({"model": "test_vit", "image_size": 32}, "unknown key 'image_size'"),
        ({"model": "hog", "checkpoint": "./w"}, "unknown key 'checkpoint'"),
        ({"model": "./vit", "checkpoint": "./w.safetensors"}, "leave one out"),
        ({"model": "test_vit", "checkpoint": "w.safetensors"}, r"write \./w\.safetensors"),
        ({"model": 3}, "model is 3; expected a text"),
    ],
)
def test_wrong_names_and_options_are_refused(
    vision: Any, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        vision.build(options)


@pytest.mark.parametrize("head", [{}, {"modules_to_save": ["head"]}], ids=["alone", "with head"])
def test_an_adapter_gives_what_peft_gives(
    vision: Any, picture: Path, tmp_path: Path, head: dict[str, Any]
) -> None:
    model = vision_models.make("test_vit")
    path = vision_models.save_checkpoint(tmp_path / "w.safetensors", model)
    options = {"model": "test_vit", "checkpoint": str(path)}
    (plain,) = vision.tokens([picture], options)
    model.reset_classifier(3)  # as for a task of three classes
    adapted = vision_models.save_adapter(tmp_path / "lora", model, targets=r".*\.qkv", **head)
    adapted_options = {**options, "adapter": str(tmp_path / "lora")}
    encoder, transform = vision.build(adapted_options)
    (window,) = transform.prepare(transform.decode(picture))
    with torch.inference_mode():
        expected = adapted.forward_features(window[None])[0]
    (tokens,) = vision.tokens([picture], adapted_options)
    torch.testing.assert_close(tokens, expected)
    assert not torch.allclose(tokens, plain)
    assert encoder.fingerprint == vision.build(adapted_options)[0].fingerprint


def test_an_adapter_that_is_damaged_or_of_another_model_is_refused(
    vision: Any, tmp_path: Path
) -> None:
    known = vision_models.save_checkpoint(
        tmp_path / "w.safetensors", vision_models.make("test_vit")
    )
    other = vision_models.make("test_vit3")
    vision_models.save_adapter(tmp_path / "lora", other, targets=r".*\.qkv")
    options = {"model": "test_vit", "checkpoint": str(known), "adapter": str(tmp_path / "lora")}
    with pytest.raises(ConfigError, match="does not fit VisionTransformer"):
        vision.build(options)
    (tmp_path / "lora/adapter_model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(ConfigError, match=r"adapter .*lora"):
        vision.build(options)
    with pytest.raises(ConfigError, match="there is no such folder"):
        vision.build({**options, "adapter": str(tmp_path / "nowhere")})


def test_a_model_without_one_kind_of_tokens_is_refused() -> None:
    branches = vision_models.make("crossvit_tiny_240")
    with pytest.raises(ConfigError, match="gives a list as features"):
        read_layout(branches, (3, 240, 240))


def test_pictures_that_a_model_does_not_take_are_named_when_it_is_built(
    vision: Any, tmp_path: Path
) -> None:
    folder = vision_models.save_folder(tmp_path / "vit", vision_models.make("test_vit"))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    del config["model_args"]["img_size"]
    config["pretrained_cfg"].update(input_size=[3, 100, 100], fixed_input_size=False)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"does not take pictures of \(3, 100, 100\)"):
        vision.build({"model": str(folder)})
