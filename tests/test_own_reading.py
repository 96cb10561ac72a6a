"""How a picture becomes a network's input, against torchvision's own transforms; and which readings are plausible."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from core.own.outline import Input
from core.own.reading import SCALES, Reading, candidates

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
SMOOTH = np.asarray(Image.fromarray(PICTURE[:6, :9]).resize((90, 60), Image.Resampling.BICUBIC))


def read(reading: Reading, picture: np.ndarray = SMOOTH) -> np.ndarray:
    return np.asarray(reading.batch(reading.fitted(picture)[None])[0])


def test_the_usual_reading_is_torchvisions() -> None:
    steps = v2.Compose([
        v2.Resize(256), v2.CenterCrop(224), v2.ToImage(), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])  # fmt: skip
    theirs = steps(Image.fromarray(SMOOTH)).numpy()
    ours = read(Reading("NCHW", (224, 224), 3, "ImageNet's mean and deviation", "crop"))
    assert ours.shape == theirs.shape == (3, 224, 224)
    assert np.abs(ours - theirs).mean() < 0.02  # a pixel is 0.017: they round once more, and crop on whole pixels
    assert np.abs(ours - theirs).max() < 0.2


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_scaled_as_said(scale: str, channels: int) -> None:
    known, pixels = SCALES[scale], read(Reading("NHWC", (60, 90), channels, scale))
    grey = np.asarray(Image.fromarray(SMOOTH).convert("L"))[..., None]
    raw = (SMOOTH if channels == 3 else grey).astype(np.float64)
    expected = (raw / 255 - known.mean[:channels]) / known.std[:channels] * known.factor
    assert pixels.dtype == np.float32
    assert np.allclose(pixels, expected, atol=1e-4)


def test_inverted_turned_around_and_each_order_of_axes() -> None:
    raw = SMOOTH.astype(np.float32)
    assert np.allclose(read(Reading("NHWC", (60, 90), 3, "0 to 255", inverted=True)), 255 - raw)
    assert np.allclose(read(Reading("NHWC", (60, 90), 3, "0 to 255", bgr=True)), raw[..., ::-1])
    assert np.allclose(read(Reading("NCHW", (60, 90), 3, "0 to 255")), raw.transpose(2, 0, 1))
    assert read(Reading("NHW", (60, 90), 1, "0 to 1")).shape == (60, 90)
    whole = read(Reading("NHWC", (60, 90), 3, "0 to 255", type="uint8"))
    assert whole.dtype == np.uint8
    assert np.array_equal(whole, SMOOTH)


def test_a_grey_picture_becomes_three_equal_channels() -> None:
    pixels = read(Reading("NHWC", (60, 90), 3, "0 to 255"), SMOOTH[..., 0])
    assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize("size", [(30, 30), (48, 192), (192, 48), (60, 90), (512, 7)])
def test_a_crop_keeps_proportions_and_the_middle(size: tuple[int, int]) -> None:
    ramp = np.tile(np.linspace(0, 255, 90), (60, 1)).round().astype(np.uint8)
    fitted = Reading("NHW", size, 1, fit="crop").fitted(ramp)[..., 0].astype(float)
    assert fitted.shape == size
    assert abs(fitted.mean() - ramp.mean()) < 2
    if size != (60, 90):
        across = fitted.mean(0)
        scale = 0.875 * min(90 / size[1], 60 / size[0])
        assert across[-1] - across[0] == pytest.approx(255 / 89 * scale * (size[1] - 1), abs=8)


@pytest.mark.parametrize(
    ("shape", "kind", "coloured", "sizes", "count"),
    [
        ((None, 1, 28, 28), "float32", False, {(28, 28)}, 7 * 2),
        ((None, 1, 28, 28), "float32", False, {(30, 28)}, 7 * 2 * 2),
        ((None, 3, 28, 28), "float32", True, {(28, 28)}, 7 * 2 * 2),
        ((None, 3, 28, 28), "float32", False, {(28, 28)}, 7 * 2),
        ((None, 28, 28), "uint8", False, {(28, 28)}, 2),
        ((None, 3, 64, 3), "float32", True, {(64, 3), (3, 64)}, 7 * 2 * 2 * 2 * 2),
        ((None, 3, None, None), "float32", False, {(28, 28)}, 0),
    ],
)
def test_each_plausible_reading_is_a_candidate_once(
    shape: tuple[int | None, ...], kind: str, coloured: bool, sizes: set[tuple[int, int]], count: int
) -> None:
    found = candidates(Input("x", kind, shape), sizes, coloured=coloured, size=None)
    assert len(found) == len({*found}) == count
    assert len({str(reading) for reading in found}) == count


def test_an_open_size_is_what_is_said() -> None:
    found = candidates(Input("x", "float32", (None, 3, None, None)), {(48, 192)}, coloured=True, size=(48, 192))
    assert {reading.size for reading in found} == {(48, 192)}
    assert {reading.fit for reading in found} == {"resize"}
    assert str(found[0]) == "0 to 1, RGB, 48 × 192 resize, NCHW"
