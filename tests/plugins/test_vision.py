from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from spaner_core import FeatureSpec, FlattenTokens, OptionError, PoolTokens, UnusableInput
from spaner_vision.reader import ReadPages, build_reader
from torch import Tensor
from torch.nn.functional import normalize


@pytest.fixture
def vision(load: Callable[[str], Any]) -> Any:
    return load("vision")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Tensor]:
    """Real handwritten digits as PNG files, 8x8 grey pixels each, with their labels."""
    folder = tmp_path_factory.mktemp("digits")
    data = load_digits()
    paths = []
    for number, image in enumerate(data.images[:600]):
        path = folder / f"{number}.png"
        Image.fromarray((image * 255 / 16).round().astype(np.uint8)).save(path)
        paths.append(path)
    return paths, torch.tensor(data.target[:600])


def test_few_images_tell_digits_apart(vision: Any, digits: tuple[list[Path], Tensor]) -> None:
    paths, labels = digits
    features = torch.stack(vision.tokens(paths)).flatten(1)
    features = normalize(features - features.mean(dim=0), dim=-1)
    shown, seen = features[:300], labels[:300]
    means = []
    for digit in range(10):
        means.append(shown[seen == digit][:4].mean(dim=0))
    right = (features[300:] @ normalize(torch.stack(means), dim=-1).T).argmax(1) == labels[300:]
    assert right.float().mean() > 0.8  # chance is 0.1


def test_tokens_keep_their_place(vision: Any, tmp_path: Path) -> None:
    image = np.zeros((32, 32), dtype=np.uint8)
    image[2:6, 2:6] = 255  # in the first cell of the first block only
    Image.fromarray(image).save(tmp_path / "corner.png")
    (tokens,) = vision.tokens([tmp_path / "corner.png"])
    assert tokens.shape == (9, 36)
    assert tokens[0].any()
    assert not tokens[1:].any()


def test_larger_images_and_finer_histograms(vision: Any, digits: tuple[list[Path], Tensor]) -> None:
    options = {"image_size": 64, "orientations": 6}
    (tokens,) = vision.tokens(digits[0][:1], options)
    assert tokens.shape == (49, 24)
    encoder, _ = vision.build(options)
    assert encoder.features == FeatureSpec(dim=24, tokens=49, grid=(7, 7))


def test_a_photograph_is_turned_upright(vision: Any, tmp_path: Path) -> None:
    grey = (np.add.outer(np.arange(64), 2 * np.arange(48)) % 256).astype(np.uint8)
    upright = Image.fromarray(grey)
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: turn clockwise to see it upright
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    one, other = vision.tokens([tmp_path / "upright.png", tmp_path / "turned.png"])
    torch.testing.assert_close(one, other)


def test_bits_palette_and_transparency_change_nothing_that_is_seen(
    vision: Any, tmp_path: Path
) -> None:
    ink = np.full((32, 32), 255, dtype=np.uint8)
    ink[8:24, 12:18] = 0
    grey = Image.fromarray(ink)
    grey.save(tmp_path / "grey.png")
    grey.convert("P").save(tmp_path / "palette.png")
    Image.fromarray(ink.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    see_through = Image.new("RGBA", (32, 32), (0, 0, 0, 0))  # black, but not to be seen
    see_through.paste((0, 0, 0, 255), (12, 8, 18, 24))
    see_through.save(tmp_path / "transparent.png")
    names = ("grey", "palette", "deep", "transparent")
    grey_tokens, *others = vision.tokens([tmp_path / f"{name}.png" for name in names])
    assert grey_tokens.any()
    for tokens in others:
        torch.testing.assert_close(tokens, grey_tokens)


def _png(side: int) -> bytes:
    file = io.BytesIO()
    noise = np.random.RandomState(0).randint(0, 255, (side, side), dtype=np.uint8)
    Image.fromarray(noise).save(file, format="PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no image at all", "no picture"),
        (_png(64)[:2000], "cannot be read .*truncated"),
        (_png(64)[:40], "no picture or its beginning is damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),  # would start another program
    ],
    ids=["text", "truncated", "header only", "postscript"],
)
def test_files_that_are_no_image_are_refused(
    vision: Any, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(UnusableInput, match=message):
        vision.tokens([tmp_path / "bad.png"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_sise": 32}, "did you mean 'image_size'"),
        ({"image_size": 30}, "multiple of 8"),
        ({"image_size": 8}, "from 16"),
        ({"orientations": 1}, "orientations is 1"),
        ({"orientations": 10**12}, "orientations is 1000000000000"),
        ({"image_size": 8 * 10**12}, "image_size is 8000000000000"),
    ],
)
def test_wrong_options_are_refused(vision: Any, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        vision.build(options)


def test_many_tokens_are_pooled_by_the_rows_of_the_picture(vision: Any) -> None:
    small, _ = vision.build({"image_size": 128})
    assert isinstance(build_reader(small.features), FlattenTokens)
    large, _ = vision.build({"image_size": 256})
    reader = build_reader(large.features)
    assert isinstance(reader, PoolTokens)
    columns = torch.arange(31.0).repeat_interleave(31).reshape(1, -1, 1).expand(1, 961, 36)
    pooled = reader(columns, torch.ones(1, 961, dtype=torch.bool)).reshape(31, 36)
    torch.testing.assert_close(pooled[:, 0], torch.arange(31.0))  # one mean a row of the picture


def read_slowly(features: FeatureSpec, tokens: Tensor, mask: Tensor, *, halves: int) -> Tensor:
    """CLS, then the quarters of the picture row by row, each a mean over all pages."""
    rows, columns = features.grid or (1, 1)
    page = features.prefix_tokens + rows * columns
    parts: dict[tuple[int, int], list[Tensor]] = {}
    for place, token in enumerate(tokens[mask]):
        within = place % page - features.prefix_tokens
        if within >= 0:
            row, column = divmod(within, columns)
            parts.setdefault((row * halves // rows, column * halves // columns), []).append(token)
        elif place % page == 0:
            parts.setdefault((-1, 0), []).append(token)
    return torch.cat([torch.stack(parts[part]).mean(dim=0) for part in sorted(parts)])


@pytest.mark.parametrize(
    ("features", "halves"),
    [
        (FeatureSpec(dim=3, grid=(5, 4), prefix_tokens=3), 2),  # CLS and two registers
        (FeatureSpec(dim=3, grid=(3, 3)), 2),
        (FeatureSpec(dim=3, grid=(1, 1), prefix_tokens=1), 1),
        (FeatureSpec(dim=2048, grid=(3, 3), prefix_tokens=1), 1),  # quarters would be too wide
    ],
    ids=str,
)
def test_pages_are_read_as_a_slow_loop_reads_them(features: FeatureSpec, halves: int) -> None:
    reader = build_reader(features)
    assert isinstance(reader, ReadPages)
    page = features.prefix_tokens + features.grid[0] * features.grid[1]  # type: ignore[index]
    tokens = torch.randn(3, 2 * page + 2, features.dim)  # two pages, and padding at the end
    mask = torch.zeros(3, 2 * page + 2, dtype=torch.bool)
    for row, pages in enumerate((1, 2, 1)):
        mask[row, : pages * page] = True
    expected = [
        read_slowly(features, one, real, halves=halves)
        for one, real in zip(tokens, mask, strict=True)
    ]
    read = reader(tokens, mask)
    assert read.shape == (3, reader.width)
    torch.testing.assert_close(read, torch.stack(expected))
