"""`Space.encode` and `similarity`: what is taken, what comes out, what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spaner as product
from PIL import Image
from spaner_core.errors import ConfigError, DataError

from tests.app.projects import picture


@pytest.fixture(scope="module")
def space(attached_project: Path) -> product.Space:
    return product.load(attached_project / "space")


def test_one_input_or_several(space: product.Space, attached_project: Path) -> None:
    one, two = picture(attached_project), picture(attached_project, 1)
    for inputs, count in (
        (str(one), 1),
        (one, 1),
        ([one, str(two)], 2),
        ((two, one, two), 3),
        ([], 0),
    ):
        given = space.encode(inputs, modality="vision")
        assert given.shape == (count, 128)
        assert given.dtype == np.float32
        assert np.allclose(np.linalg.norm(given, axis=1), 1, atol=1e-5)
    assert space.encode("two", modality="text").shape == (1, 128)
    assert space.encode(["two", "two", "one"], modality="text").shape == (3, 128)


def test_a_text_file_is_read_and_a_text_that_looks_like_one_is_not(
    space: product.Space, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("two")
    file, text = space.encode([tmp_path / "a.txt", "two"], modality="text")
    assert np.array_equal(file, text)
    assert space.encode("I wrote nothing.txt", modality="text").shape == (1, 128)


@pytest.mark.parametrize("name", ["gone.txt", "nul\0.txt", f"{'long' * 99}.txt"])
def test_a_missing_file_is_not_read_as_a_text_that_is_its_name(
    space: product.Space, name: str
) -> None:
    with pytest.raises(DataError, match="Mend or remove it"):
        space.encode(name, modality="text")


def test_a_path_that_does_not_exist_is_no_text(space: product.Space, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.txt"):
        space.encode(tmp_path / "gone.txt", modality="text")


def test_what_belongs_together_is_similar(space: product.Space, attached_project: Path) -> None:
    pictures = space.encode(sorted((attached_project / "vision/train").iterdir()),
                            modality="vision")  # fmt: skip
    texts = space.encode(["one", "two"], modality="text")
    cosines = space.similarity(pictures, texts)
    assert cosines.shape == (10, 2)
    assert np.all(np.abs(cosines) <= 1 + 1e-5)
    assert np.allclose(cosines, pictures @ texts.T)
    assert np.allclose(np.diag(space.similarity(texts, texts)), 1, atol=1e-5)


def test_similarity_is_a_cosine_whatever_the_length_of_rows(space: product.Space) -> None:
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [-3e30, 4e30]])
    assert np.allclose(space.similarity(rows, [[30, 40], [0, 1]]), [[1, 0.8], [0, 0], [0.28, 0.8]])
    assert space.similarity(rows[0], rows).shape == (3,)
    assert space.similarity(rows, rows[0]).shape == (3,)
    assert float(space.similarity([3, 4], [6, 8])) == pytest.approx(1)
    for other in (np.ones((2, 3)), np.ones((1, 2, 2)), np.float32(1)):
        with pytest.raises(DataError, match="expected"):
            space.similarity(rows, other)


def test_strength_one_gives_mixtures_of_anchors(
    space: product.Space, attached_project: Path
) -> None:
    free, own, pulled = (
        space.encode(picture(attached_project), modality="vision", strength=strength)
        for strength in (0.0, None, 1.0)
    )
    assert not np.array_equal(free, own)
    anchors = space.prompt.anchors.numpy()
    # the anchors' mean is 0, so they span a direction less than their number
    rest = pulled - pulled @ np.linalg.pinv(anchors, rcond=1e-3) @ anchors
    assert np.abs(rest).max() < 1e-4, "at full strength an embedding lies among the anchors"


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strength_out_of_range_is_refused(space: product.Space, strength: float) -> None:
    with pytest.raises((ConfigError, ValueError), match="strength"):
        space.encode("two", modality="text", strength=strength)


@pytest.mark.parametrize("strength", ["x", "0.5", [0.5]])
def test_a_strength_that_is_no_number_is_refused(space: product.Space, strength: Any) -> None:
    with pytest.raises(ConfigError, match=r"strength is .*; give a number from 0 to 1") as caught:
        space.encode("two", modality="text", strength=strength)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [None, 7, [None], ["two", 7], object()])
@pytest.mark.parametrize("modality", ["text", "vision"])
def test_what_is_no_input_is_refused_in_one_line(
    space: product.Space, given: Any, modality: str
) -> None:
    with pytest.raises(DataError, match=f"an input of '{modality}' is of type .*a path") as caught:
        space.encode(given, modality=modality)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("modality", ["vision", "text", "audio", "sensor"])
def test_an_upload_is_encoded_as_the_file_it_was(
    space: product.Space, attached_project: Path, modality: str, tmp_path: Path
) -> None:
    if modality == "text":
        (tmp_path / "a.txt").write_text("two")
    folder = tmp_path if modality == "text" else attached_project / modality / "test"
    file = next(path for path in sorted(folder.rglob("*.*")) if path.is_file())
    upload = product.Content(file.read_bytes(), "my upload", file.suffix)
    wanted = space.encode(file, modality=modality)
    assert np.array_equal(space.encode(upload, modality=modality), wanted)
    both = space.encode([upload, file], modality=modality)
    assert np.allclose(both, np.concatenate([wanted, wanted]), atol=1e-6)
    broken = product.Content(b"\x00\xff nothing", "my upload", file.suffix)
    with pytest.raises(DataError, match="my upload: "):
        space.encode([file, broken], modality=modality)


def test_a_picture_in_memory_is_encoded_as_its_file(
    space: product.Space, attached_project: Path
) -> None:
    file = picture(attached_project)
    wanted = space.encode(file, modality="vision")
    with Image.open(file) as opened:
        image = opened.convert("RGB")
    for given in (image, np.asarray(image)):
        assert np.array_equal(space.encode(given, modality="vision"), wanted)
        several = space.encode([given, file], modality="vision")
        assert np.allclose(several, np.concatenate([wanted, wanted]), atol=1e-6)
    with pytest.raises(DataError, match="an object of type ndarray: ") as caught:
        space.encode(np.zeros((0, 0, 3), np.uint8), modality="vision")
    assert "\n" not in str(caught.value)


def test_a_waveform_with_its_rate_is_one_input(space: product.Space) -> None:
    tone = np.sin(np.arange(16000) / 10).astype(np.float32)
    one = space.encode((tone, 16000), modality="audio")
    assert one.shape == (1, 128)
    assert space.encode([(tone, 16000), (tone, 16000)], modality="audio").shape == (2, 128)


def test_inputs_may_come_from_any_iterable(space: product.Space) -> None:
    given = np.array(["two", "one"])
    wanted = space.encode(["two", "one"], modality="text")
    assert np.array_equal(space.encode(given, modality="text"), wanted)
    assert np.array_equal(space.encode((str(g) for g in given), modality="text"), wanted)


def test_a_batch_changes_no_embedding(space: product.Space, attached_project: Path) -> None:
    for name in ("text", "audio", "sensor"):
        inputs: list[str | Path] = (
            ["two", "a much longer text about running and walking", "one"]
            if name == "text"
            else sorted((attached_project / name / "test").rglob("*.*"))[:5]
        )
        together = space.encode(inputs, modality=name)
        alone = np.concatenate([space.encode(given, modality=name) for given in inputs])
        assert np.allclose(together, alone, rtol=1e-5, atol=1e-6), name


def test_importing_the_product_and_listing_plugins_loads_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys, spaner\n"
        "from spaner.cli import app\n"
        "app(['plugins', '--json'], standalone_mode=False)\n"
        "assert 'spaner.cli.train' not in sys.modules, 'a command that was not asked for'\n"
        "app(['--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'torchaudio', 'numpy', 'sklearn', 'pyarrow', 'PIL',\n"
        "         'spaner_text', 'spaner_vision', 'spaner_audio', 'spaner_sensor'}\n"
        "sys.exit(', '.join(sorted(heavy & sys.modules.keys())) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_public_name_is_there() -> None:
    for name in product.__all__:
        assert getattr(product, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = product.nothing
