from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.data import astronaut
from spaner_core import UnusableInput
from spaner_vision.corruptions import BLUR, CORRUPTIONS, NOISE, OCCLUSION
from spaner_vision.options import HogOptions
from spaner_vision.reading.limits import Limits
from spaner_vision.reading.pages import read_pages
from spaner_vision.transform import hog_transform

SEVERITIES = (1, 2, 3, 4, 5)
BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}
README = Path(__file__).parents[2] / "plugins/vision/README.md"


def plain(width: int, height: int, colour: str = "white") -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def disturb(name: str, page: Image.Image, *, severity: int, seed: int = 0) -> Image.Image:
    (disturbed,) = BY_NAME[name].apply((page,), severity=severity, seed=seed)
    return disturbed


def pixels(page: Image.Image) -> NDArray[np.float64]:
    return np.asarray(page) / 255.0  # (H, W, 3)


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(pixels(one) - pixels(other)).mean())


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    return Image.fromarray(astronaut())


@pytest.mark.parametrize("severity", SEVERITIES)
def test_noise_has_the_deviation_that_its_severity_states(severity: int) -> None:
    grey = plain(200, 150, "#808080")
    noise = pixels(disturb("noise", grey, severity=severity)) - pixels(grey)
    stated = np.random.default_rng(1).normal(scale=NOISE[severity - 1], size=100_000)
    within_the_range = stated.clip(-128 / 255, 127 / 255).std()
    assert noise.std() == pytest.approx(within_the_range, rel=0.02)
    assert abs(noise.mean()) < 0.01
    neighbours = np.corrcoef(noise[:, 1:].flatten(), noise[:, :-1].flatten())[0, 1]
    channels = np.corrcoef(noise[..., 0].flatten(), noise[..., 1].flatten())[0, 1]
    assert max(abs(neighbours), abs(channels)) < 0.05, "every number draws its own"


def test_a_large_picture_keeps_its_noise_when_a_model_reduces_it() -> None:
    noisy = disturb("noise", plain(2100, 1500, "#808080"), severity=2)
    assert pixels(noisy).std() == pytest.approx(NOISE[1], rel=0.02)
    reduced = noisy.resize((314, 224), Image.Resampling.BICUBIC)
    assert pixels(reduced).std() > 0.6 * NOISE[1]  # noise of pixels would be averaged to 0.15


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("side", [200, 1000])
def test_an_edge_blurs_over_the_stated_share_of_the_shorter_side(side: int, severity: int) -> None:
    edge = plain(2 * side, side)
    edge.paste("black", (0, 0, side, side))
    profile = pixels(disturb("blur", edge, severity=severity))[0, :, 0]
    spread = np.diff(profile) / np.diff(profile).sum()  # the blurring kernel, along a row
    places = np.arange(len(spread))
    deviation = math.sqrt(spread @ places**2 - (spread @ places) ** 2)
    assert deviation == pytest.approx(BLUR[severity - 1] * side, rel=0.1)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_picture_of_16_pixels_is_blurred_too(severity: int) -> None:
    edge = plain(16, 16)
    edge.paste("black", (0, 0, 8, 16))
    assert difference(disturb("blur", edge, severity=severity), edge) > 0


@pytest.mark.parametrize("severity", SEVERITIES)
def test_jpeg_loses_what_a_second_jpeg_does_not_lose_again(
    photograph: Image.Image, severity: int
) -> None:
    once = disturb("jpeg", photograph, severity=severity)
    twice = disturb("jpeg", once, severity=severity)
    assert difference(once, photograph) > 0.01
    assert difference(twice, once) < 0.3 * difference(once, photograph)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("size", [(300, 200), (90, 160), (1, 400), (400, 1)], ids=str)
def test_a_grey_rectangle_hides_the_stated_share_of_the_area(
    size: tuple[int, int], severity: int
) -> None:
    occluded = np.asarray(disturb("occlusion", plain(*size), severity=severity))
    hidden = (occluded == 128).all(axis=2)
    assert hidden.mean() == pytest.approx(OCCLUSION[severity - 1], rel=0.03)
    rows, columns = np.nonzero(hidden)
    assert np.ptp(rows) + 1 == round(hidden.sum() / (np.ptp(columns) + 1)), "it has no holes"
    assert (occluded[~hidden] == 255).all()


def test_rectangles_come_to_lie_anywhere_up_to_the_edges() -> None:
    white = plain(40, 30)
    hidden = [
        (np.asarray(disturb("occlusion", white, severity=1, seed=seed)) == 128).all(axis=2)
        for seed in range(400)
    ]
    assert np.any(hidden, axis=(0, 1)).all()
    assert np.any(hidden, axis=(0, 2)).all()


@pytest.mark.parametrize("side", [24, 128, 512])
@pytest.mark.parametrize("name", BY_NAME)
def test_a_higher_severity_leaves_less_of_the_picture(
    photograph: Image.Image, name: str, side: int
) -> None:
    page = photograph.resize((side, side))
    lost = [difference(disturb(name, page, severity=s), page) for s in SEVERITIES]
    assert lost == sorted(set(lost))
    assert lost[0] > 0


@pytest.mark.parametrize("name", ["noise", "occlusion"])
def test_another_seed_draws_another_picture(photograph: Image.Image, name: str) -> None:
    one, same, other = (disturb(name, photograph, severity=3, seed=seed) for seed in (7, 7, 8))
    assert one == same
    assert one != other


@pytest.mark.parametrize("name", BY_NAME)
def test_every_page_of_a_document_is_disturbed(
    photograph: Image.Image, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "two pages.pdf"
    photograph.save(file, save_all=True, append_images=[photograph])
    sample = read_pages(file, Limits(pages=2, unevenness=100))
    kept = tuple(page.copy() for page in sample)
    disturbed = BY_NAME[name].apply(sample, severity=3, seed=0)
    assert sample == kept, "the sample itself stays"
    assert [page.size for page in disturbed] == [page.size for page in sample]
    assert all(difference(new, old) > 0 for new, old in zip(disturbed, sample, strict=True))
    drawn = name in ("noise", "occlusion")
    assert (disturbed[0] != disturbed[1]) == drawn, "draws are the page's own"


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 90), (700, 1), (8, 8)], ids=str)
@pytest.mark.parametrize("name", BY_NAME)
def test_tiny_and_thin_pictures_can_be_disturbed_and_read(name: str, size: tuple[int, int]) -> None:
    page = plain(*size, colour="navy")
    for severity in SEVERITIES:
        disturbed = disturb(name, page, severity=severity)
        assert (disturbed.size, disturbed.mode, type(disturbed)) == (size, "RGB", Image.Image)
        (window,) = hog_transform(HogOptions()).prepare((disturbed,))
        assert window.isfinite().all()
    if name in ("noise", "occlusion"):
        assert disturbed != page


def test_a_gif_with_a_long_comment_can_be_stored_as_jpeg(tmp_path: Path) -> None:
    file = tmp_path / "commented.gif"
    plain(20, 20, "red").save(file, comment=b"x" * 70_000)
    sample = read_pages(file, Limits(pages=1, unevenness=1))
    (disturbed,) = BY_NAME["jpeg"].apply(sample, severity=1, seed=0)
    assert disturbed.getpixel((3, 3)) == pytest.approx((255, 0, 0), abs=9)


def test_a_strip_longer_than_jpeg_can_hold_is_refused_by_its_size() -> None:
    with pytest.raises(UnusableInput, match=r"70000 x 1 pixels; expected at most 65,500 a side"):
        disturb("jpeg", plain(70_000, 1), severity=1)
    assert disturb("jpeg", plain(65_500, 1), severity=1).size == (65_500, 1)


@pytest.mark.parametrize("severity", [0, 6, -1])
@pytest.mark.parametrize("name", BY_NAME)
def test_there_are_five_severities(name: str, severity: int) -> None:
    with pytest.raises(ValueError, match=rf"severity is {severity}; expected 1 \(slight\) to 5"):
        disturb(name, plain(4, 4), severity=severity)


def test_the_readme_states_the_strengths() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \|(( [0-9.]+ \|){5})$", README.read_text(), re.M)
    stated: dict[str, Any] = {
        name: tuple(float(strength) for strength in strengths.strip(" |").split(" | "))
        for name, strengths, _ in rows
    }
    offered = {name: corruption.strengths for name, corruption in BY_NAME.items()}
    assert stated == offered, "mend the table in plugins/vision/README.md"
