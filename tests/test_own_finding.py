"""How pictures are read, found by measuring: the true reading wins, and where none makes sense that is said."""

from typing import Any

import numpy as np
import pytest

from core.data.pool import Pictures, of_array
from core.engine.own import finding
from core.engine.own.finding import find
from core.errors import NetworkError
from core.own.found import Found
from core.own.outline import Input
from core.own.reading import Reading, candidates

N, CLASSES = 500, 4
INPUT = Input("x", "float32", (None, 3, 8, 8))


def pictures(n: int = N) -> Pictures:
    """Pictures in one of four colours, (n,) labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, n)
    colours = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200], [200, 200, 60]])
    pixels = (colours[labels][:, None, None] + rng.integers(-40, 40, (n, 8, 8, 3))).astype(np.uint8)
    return of_array(pixels, labels)


class Seeing:
    """A network that was trained with one reading: it answers the nearest colour, in the order of `classes`."""

    def __init__(self, reading: Reading, classes: tuple[int, ...] = (0, 1, 2, 3)) -> None:
        colours = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200], [200, 200, 60]], np.uint8)
        plain = np.tile(colours[:, None, None], (1, 8, 8, 1))
        self.known, self.classes, self.calls = reading.batch(plain)[list(classes)], classes, 0

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        self.calls += len(images)
        apart = np.abs(images[:, None] - self.known[None]).mean((2, 3, 4))
        return [-apart.astype(np.float32)]


def found(network: Any, n: int = N) -> Found:
    readings = candidates(INPUT, {(8, 8)}, coloured=True, size=None)
    return find(network, readings, pictures(n), CLASSES)


@pytest.mark.parametrize("i", range(0, 28, 5))
def test_the_reading_that_the_network_was_trained_with_wins(i: int) -> None:
    true = candidates(INPUT, {(8, 8)}, coloured=True, size=None)[i]
    result = found(Seeing(true))
    assert result.best.accuracy.value > 0.99
    agreeing = [tried.reading for tried in result.tried if tried.accuracy.right == result.best.accuracy.right]
    assert true in agreeing
    assert not result.near_chance
    assert result.reordered is None


def test_the_hopeless_are_left_behind_and_each_row_says_its_n() -> None:
    network = Seeing(Reading("NCHW", (8, 8), 3, "0 to 255", bgr=True))
    result = found(network)
    assert {tried.accuracy.n for tried in result.tried} > {N}
    assert result.best.accuracy.n == N
    assert network.calls < 28 * N
    assert len(result.tried) == 28


def test_guessing_is_called_guessing() -> None:
    class Blind:
        def run(self, images: np.ndarray) -> list[np.ndarray]:
            return [np.random.default_rng(0).standard_normal((len(images), CLASSES)).astype(np.float32)]

    result = found(Blind())
    assert result.near_chance
    assert result.reordered is None


def test_another_order_of_the_classes_is_noticed() -> None:
    order = (2, 0, 3, 1)
    network, all_of_them = Seeing(Reading("NCHW", (8, 8), 3, "0 to 1", bgr=True), order), pictures()
    result = found(network)
    assert result.reordered is not None
    share, found_order = result.reordered
    assert (share.value, share.n) == (1.0, N // 2)
    pixels = np.stack([all_of_them.read(i) for i in range(N)])
    answers = network.run(result.best.reading.batch(pixels))[0].argmax(axis=1)
    assert (np.array(found_order)[answers] == all_of_them.labels).mean() > 0.95


def test_readings_that_cannot_be_run_are_left_out() -> None:
    class Picky(Seeing):
        def run(self, images: np.ndarray) -> list[np.ndarray]:
            if images.max() > 10:
                raise NetworkError("Too large.")
            return super().run(images)

    result = found(Picky(Reading("NCHW", (8, 8), 3, "0 to 1")))
    assert all(tried.reading.scale != "0 to 255" for tried in result.tried)
    assert result.best.reading.scale == "0 to 1"

    class Broken:
        def run(self, images: np.ndarray) -> list[np.ndarray]:
            raise NetworkError("It fails.")

    with pytest.raises(NetworkError, match=r"It fails\."):
        found(Broken())


@pytest.mark.parametrize("n", [1, 20, 50, 51, 150, 499])
def test_few_pictures_are_enough_to_try(n: int) -> None:
    result = found(Seeing(Reading("NCHW", (8, 8), 3, "0 to 1")), n)
    assert result.best.accuracy.n == n
    assert finding.MOST == N
