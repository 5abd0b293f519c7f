"""`spaner.load` and `save_pretrained`: which folders are spaces, and what these may not ask."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import spaner as product
from spaner_core.errors import ConfigError, DataError, OutputExists, SpaceError

from tests.app.projects import picture

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Configure = Callable[..., None]


@pytest.fixture(scope="module")
def space(attached_project: Path) -> product.Space:
    return product.load(attached_project / "space")


def test_a_space_and_the_package_say_what_they_hold(
    space: product.Space, attached_project: Path
) -> None:
    shown = repr(space)
    for part in (str(attached_project / "space"), "audio, sensor, text, vision", "4 concepts",
                 "strength 0.5"):  # fmt: skip
        assert part in shown
    assert set(product.__all__) <= set(dir(product))


def test_loading_twice_gives_equal_bytes(space: product.Space, attached_project: Path) -> None:
    again = product.load(str(attached_project / "space"))
    declared = product.load(attached_project / "plugins.yaml")
    assert again.modalities == declared.modalities == ("audio", "sensor", "text", "vision")
    assert set(again.concepts) == {"one", "two", "running", "walking"}
    sound = next(attached_project.glob("audio/test/*/two.flac"))
    for inputs, name in (("due", "text"), (picture(attached_project), "vision"), (sound, "audio")):
        wanted = space.encode(inputs, modality=name).tobytes()
        assert again.encode(inputs, modality=name).tobytes() == wanted
        assert declared.encode(inputs, modality=name).tobytes() == wanted


def test_a_saved_copy_is_the_same_space(
    space: product.Space, spaner: Run, tree: Tree, tmp_path: Path
) -> None:
    copy = tmp_path / "deep" / "copy"
    assert space.save_pretrained(copy) == copy
    assert tree(copy) == tree(space.folder)
    assert spaner("verify", "--space", copy, cwd=tmp_path).returncode == 0
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]
    with pytest.raises(OutputExists):
        space.save_pretrained(copy)
    space.save_pretrained(copy, overwrite=True)
    assert tree(copy) == tree(space.folder)


def test_saving_never_destroys_what_it_copies(attached: Path, tree: Tree) -> None:
    space = product.load(attached / "space")
    before = tree(attached)
    for place in (attached / "space", attached, attached / "vision", attached / "labels.csv"):
        with pytest.raises(OutputExists):
            space.save_pretrained(place, overwrite=True)
    assert tree(attached) == before
    with pytest.raises((OutputExists, SpaceError)):
        space.save_pretrained(attached / "space" / "copy")
    assert tree(attached) == before, "a copy of a space inside the space"


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("model", "/etc/passwd", "/etc/passwd"),
        ("model", "../../elsewhere", "elsewhere"),
        ("model", "C:\\models\\mine", "models"),
        ("channels", ["/etc/passwd"], "/etc/passwd"),
        ("peft", {"path": "/etc/passwd"}, "/etc/passwd"),
        ("trust_remote_code", True, "trust_remote_code"),
        ("trust_remote_code", "yes", "trust_remote_code"),
        ("loading", {"trust_remote_code": True}, "trust_remote_code"),
    ],
)
@pytest.mark.parametrize("section", ["encoder_options", "aligner_options"])
def test_a_space_may_not_reach_outside(
    section: str, option: str, value: object, says: str, attached: Path
) -> None:
    path = attached / "space/aligners/sensor/config.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record[section][option] = value
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(SpaceError, match="sensor") as refused:
        product.load(attached / "space")
    assert says in str(refused.value).replace("\\\\", "\\")


def test_a_space_whose_recorded_options_give_another_encoder(attached: Path) -> None:
    path = attached / "space/aligners/vision/config.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["encoder_options"]["orientations"] = 7
    path.write_text(json.dumps(record), encoding="utf-8")
    space = product.load(attached / "space")
    with pytest.raises(SpaceError, match="vision"):
        space.encode(picture(attached), modality="vision")
    assert space.encode("two", modality="text").shape == (1, 128)


def test_what_cannot_be_loaded_or_encoded_is_refused(
    space: product.Space, attached_project: Path, tmp_path: Path
) -> None:
    for wrong in (tmp_path / "nowhere", tmp_path, attached_project / "labels.csv"):
        with pytest.raises(SpaceError, match=str(wrong)):
            product.load(wrong)
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        product.load(tmp_path / "none.yaml")
    with pytest.raises(SpaceError, match="smell"):
        space.encode("two", modality="smell")
    with pytest.raises(DataError, match="manifest"):
        space.encode(attached_project / "manifest.csv", modality="vision")
    with pytest.raises(DataError):
        space.encode("", modality="text")


def test_policy_of_plugins_yaml_binds_in_python(attached: Path, configure: Configure) -> None:
    configure(attached, ["spaner-text"], "policy", "allow")
    space = product.load(attached / "plugins.yaml")
    assert space.encode("two", modality="text").shape == (1, 128)
    with pytest.raises(product.SpanerError, match="policy"):
        space.encode(picture(attached), modality="vision")
