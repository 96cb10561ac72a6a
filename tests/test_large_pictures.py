"""Pictures of any size, grey and coloured: on a sheet, in the gallery, opened; and many feature maps."""

import base64
import io
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import panels, picture
from core.data.pool import Pictures
from core.errors import DataError
from core.picture import drawn
from pages.ui.components.gallery import cell
from pages.ui.view import galleries, lookup, stories
from tests import small

RANDOM = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RANDOM.integers(1, 256, shape, np.uint8)


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png), formats=["PNG"]))


def of_url(url: str) -> np.ndarray:
    return opened(base64.b64decode(url.removeprefix(picture.PNG_URL)))


def cells(images: Sequence[np.ndarray], columns: int) -> list[np.ndarray]:
    """The cells of a sheet, in the order of the pictures."""
    sheet = picture.sheet(images, columns)
    w, h = cell(sheet, len(images), columns)
    grid = opened(sheet)
    return [grid[h * (i // columns) :, w * (i % columns) :][:h, :w] for i in range(len(images))]


def covered(cell: np.ndarray) -> tuple[slice, slice]:
    """Where a cell is opaque, which must be a rectangle."""
    rows, columns = (np.flatnonzero(cell[..., -1].any(axis=axis)) for axis in (1, 0))
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    assert (cell[place][..., -1] == 255).all() and (cell[..., -1] > 0).sum() == cell[place][..., 0].size
    return place


# --- a sheet ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(28, 28), (32, 32, 3), (13, 11), (160, 90, 3)])
def test_a_list_of_pictures_of_one_size_gives_the_sheet_of_the_array(shape: tuple[int, ...]) -> None:
    images = noise(7, *shape)
    assert picture.sheet([*images], 3) == picture.sheet(images, 3)


def test_each_picture_keeps_its_proportions_in_the_middle_of_its_cell() -> None:
    images = [noise(512, 512), noise(300, 100, 3), noise(90, 400), noise(40, 30, 3), noise(1, 512), noise(1, 1, 3)]
    sizes = [(160, 160), (160, 53), (36, 160), (160, 120), (1, 160), (160, 160)]
    for shown, expected in zip(cells(images, 4), sizes, strict=True):
        assert shown.shape == (160, 160, 4)
        rows, columns = covered(shown)
        assert (rows.stop - rows.start, columns.stop - columns.start) == expected
        assert abs(rows.start + rows.stop - 160) <= 1 and abs(columns.start + columns.stop - 160) <= 1


def test_grey_pictures_stay_grey_and_coloured_ones_coloured() -> None:
    grey, coloured = noise(20, 20), noise(20, 20, 3)
    first, second = cells([grey, coloured], 2)
    np.testing.assert_array_equal(first, np.stack([grey] * 3, axis=-1))
    np.testing.assert_array_equal(second, coloured)
    assert {shown.shape for shown in cells([noise(20, 10), noise(10, 20)], 2)} == {(20, 20, 2)}  # grey with alpha


def test_a_large_picture_is_reduced_by_means_and_a_small_one_enlarged_by_squares() -> None:
    large, small_one = noise(320, 320), noise(50, 40)
    first, second = cells([large, small_one], 2)
    means = large.reshape(160, 2, 160, 2).mean(axis=(1, 3))
    assert np.abs(first[..., 0] - means).max() <= 1
    np.testing.assert_array_equal(second[covered(second)][..., 0], small_one.repeat(3, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize(
    ("shape", "expected"), [((1, 1), (1, 1)), ((1, 512), (1, 160)), ((512, 256, 3), (160, 80, 3)), ((9, 7), (9, 7))]
)
def test_one_picture_is_a_sheet(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert opened(picture.sheet([noise(*shape)], 1)).shape == expected


def test_a_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        picture.sheet([], 6)


def test_a_page_of_the_largest_pictures_is_drawn_at_once() -> None:
    images = [noise(512, 512, 3) for _ in range(24)]
    taken = []
    for _ in range(3):
        start = time.process_time()  # not what others do on the same processor
        picture.sheet(images, 6)
        taken.append(time.process_time() - start)
    assert min(taken) < 0.3


def test_on_a_sheet_of_many_pictures_each_is_smaller() -> None:
    assert cell(picture.sheet([noise(300, 260)] * 24, 6), 24, 6) == (139, 160)
    w, h = cell(picture.sheet([noise(300, 260)] * 240, 24), 240, 24)
    assert 44 < h < 88 and 240 * h * h <= drawn.MOST_ON_SHEET and w == round(h * 260 / 300)


# --- an opened picture ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "sent", "width"),
    [
        ((28, 28), (224, 224), 112),
        ((32, 32, 3), (224, 224, 3), 112),
        ((1, 1), (224, 224), 112),
        ((60, 30), (180, 90), 56),
        ((200, 150, 3), (200, 150, 3), 150),
        ((512, 256), (512, 256), 112),
        ((300, 1000, 3), (154, 512, 3), 224),
        ((512, 1), (512, 1), 1),
    ],
)
def test_an_opened_picture_is_neither_tiny_nor_huge(shape: tuple[int, ...], sent: tuple[int, ...], width: int) -> None:
    pixels = noise(*shape)
    assert of_url(galleries.enlarged(pixels)).shape == sent
    assert galleries.shown_width(pixels) == width


def test_each_pixel_is_a_square_of_so_many() -> None:
    pixels = noise(5, 4)
    np.testing.assert_array_equal(of_url(galleries.enlarged(pixels, 3)), pixels.repeat(3, axis=0).repeat(3, axis=1))
    assert max(of_url(galleries.enlarged(noise(700, 300), 1)).shape) == 512


# --- the pages --------------------------------------------------------------------------------------------------

SHAPES = [(300, 260), (28, 28, 3), (100, 512, 3)]
DAMAGED = 3


def read(i: int) -> np.ndarray:
    if i == DAMAGED:
        raise DataError("Bag/3.png is damaged; save it again.")
    return np.full(SHAPES[i % len(SHAPES)], 10 * i, np.uint8)


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight pictures of three sizes, one of which is damaged; an opened image has no panel here."""
    labels = np.arange(8) % 2
    pictures = Pictures(labels, read, lambda i: SHAPES[i % len(SHAPES)])
    monkeypatch.setattr(lookup, "pictures_of", lambda run: pictures)
    monkeypatch.setattr(galleries, "store", lambda: SimpleNamespace(labels=lambda run: labels))
    monkeypatch.setattr(stories, "show", lambda view, stops, pixels, true: None)


def page(image: int | None) -> None:
    """A script: one image or, without one, all."""
    from types import SimpleNamespace

    import numpy as np

    from pages.ui.components.gallery import Card
    from pages.ui.view import galleries

    view: Any = SimpleNamespace(run=SimpleNamespace(id="a", classes=("Bag", "Coat")))
    if image is None:
        galleries.show_gallery(view, np.arange(8), lambda i: Card(i, "Bag", f"No. {i}", []), "cards")
    else:
        galleries.show_image(view, view, image)


def run(image: int | None) -> AppTest:
    app = AppTest.from_function(page, args=(image,)).run()
    assert not app.exception
    return app


def test_the_gallery_is_told_the_size_of_its_cells_and_a_damaged_picture_is_grey(brought: None) -> None:
    (shown,) = run(None).get("bidi_component")
    data = json.loads(shown.proto.json)
    w, h = data["cell"]
    sheet = of_url(data["sheet"])
    assert sheet.shape[:2] == (2 * h, 6 * w) and len(data["cards"]) == 8 and (w, h) == (160, 160)
    colours = {tuple(sheet[h // 2 + h * (i // 6), w // 2 + w * (i % 6)].tolist()) for i in (2, DAMAGED, 7)}
    assert colours == {(20, 20, 20, 255), (128, 128, 128, 255), (70, 70, 70, 255)}


def test_an_image_opens_in_its_proportions(brought: None) -> None:
    app = run(2)
    assert [header.value for header in app.header] == ["Test image 2: Bag"] and not app.error
    (shown,) = app.get("image")
    assert shown.proto.imgs[0].url and "Test image 2: Bag" in str(shown.proto)


def test_a_damaged_picture_is_said_in_a_sentence(brought: None) -> None:
    app = run(DAMAGED)
    assert [header.value for header in app.header] == ["Test image 3: Coat"]
    assert [error.value for error in app.error] == ["Bag/3.png is damaged; save it again."]
    assert not app.get("image") and app.button[0].label == "Back to the images"


# --- feature maps -----------------------------------------------------------------------------------------------


def maps(*shape: int, least: float = 0) -> np.ndarray:
    rows = len(small.trace().sparsity)
    return np.linspace(least, 1, rows * int(np.prod(shape))).reshape(rows, *shape).astype(np.float16)


def figure_of(values: np.ndarray) -> Any:
    """The figure of the feature maps in a story; None if it has none."""
    shown = panels.story(replace(small.trace(), maps=values), small.profile(), small.CLASSES).figures
    return next((placed.figure for placed in shown if placed.figure.name == "maps"), None)


def drawn_maps(figure: Any, stop: int) -> np.ndarray:
    return of_url(figure.at(stop).data[1].source)


def test_a_network_without_a_convolution_has_no_figure_of_feature_maps() -> None:
    assert figure_of(maps(0, 1, 1)) is None
    assert figure_of(maps(1, 1, 1)) is not None


@pytest.mark.parametrize(
    ("n", "shape", "title"),
    [
        (1, (33, 33), "Feature maps of the first convolution"),
        (6, (33, 6 * 33), "Feature maps of the first convolution"),
        (12, (2 * 33, 8 * 33), "Feature maps of the first convolution"),
        (64, (8 * 33, 8 * 33), "Feature maps of the first convolution"),
        (65, (8 * 33, 8 * 33), "64 of 65 feature maps of the first convolution"),
        (512, (8 * 33, 8 * 33), "64 of 512 feature maps of the first convolution"),
    ],
)
def test_so_many_feature_maps_are_shown_and_the_title_says_if_there_are_more(
    n: int, shape: tuple[int, int], title: str
) -> None:
    figure = figure_of(np.broadcast_to(maps(1, 32, 32), (len(small.trace().sparsity), n, 32, 32)))
    assert drawn_maps(figure, 5).shape == shape and figure.title == title


def test_the_first_of_many_feature_maps_are_shown() -> None:
    values = np.zeros((len(small.trace().sparsity), 2048, 4, 4), np.float16)
    values[:, 63], values[:, 64:] = 1, 0.5
    shown = drawn_maps(figure_of(values), 0)
    assert (shown[7 * 5 : 7 * 5 + 4, 7 * 5 : 7 * 5 + 4] == 255).all()
    assert set(np.unique(shown)) == {0, 96, 255}


def test_negative_and_too_large_values_are_black_and_white() -> None:
    values = maps(2, 4, 4)
    values[:, 0], values[:, 1] = -1, np.inf
    shown = drawn_maps(figure_of(values), 0)
    assert (shown[:4, :4] == 0).all() and (shown[:4, 5:9] == 255).all()
    assert set(np.unique(drawn_maps(figure_of(np.full_like(values, -1)), 0))) == {0, 96}
