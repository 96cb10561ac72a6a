"""A network as one HTML page: it is whole in itself, small, and gives its network back."""

import re

import numpy as np
import pytest

from core.config import Design, Problem
from core.cost import alone
from core.data.fashion import CLASSES
from core.networks import NETWORKS, Residual

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 28, 28), np.uint8)
LABELS = np.arange(10)
HARMFUL = "</script><script>alert(1)</script>"


def made(title: str = "A network", packed: bytes = b"", classes: tuple[str, ...] = CLASSES) -> bytes:
    images = np.broadcast_to(np.arange(784, dtype=np.uint8).reshape(28, 28), (10, 28, 28))
    return alone.page(title, [title], Design("lenet"), packed, classes, images, LABELS)


def test_the_page_asks_nobody_for_anything() -> None:
    text = made().decode()
    assert "default-src 'none'" in text
    assert not re.search(
        r"https?:|//[a-z]|@import|url\(|fetch\(|XMLHttp|WebSocket|\bimport\b", text.partition("<style>")[2]
    )
    assert re.findall(r"(?:src|href)=\"([^\"]*)", text) == ["data:,"]


def test_the_page_without_its_network_and_images_is_small() -> None:
    assert len(made()) <= 30_000
    noise = alone.page("A network", [], Design("lenet"), b"", CLASSES, IMAGES, LABELS)
    assert len(noise) <= 30_000 + 1.4 * IMAGES.size


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1000])
def test_the_page_gives_back_the_file_that_is_in_it(size: int) -> None:
    packed = np.random.default_rng(size).bytes(size)
    assert alone.payload(made(packed=packed)) == packed


def test_no_page_of_another_kind_has_a_network_in_it() -> None:
    with pytest.raises(ValueError, match="no network"):
        alone.payload(b"<!doctype html><title>Another page</title>")


def test_names_are_text_whatever_is_in_them() -> None:
    plain, harmful = made().decode(), made(HARMFUL, classes=(HARMFUL, *CLASSES[1:])).decode()
    assert harmful.count("<script") == plain.count("<script") and HARMFUL not in harmful
    assert "&lt;/script&gt;" in harmful and "\\u003c/script>" in harmful


@pytest.mark.parametrize("network", NETWORKS)
def test_the_outline_names_every_layer_and_what_kind_it_is(network: str) -> None:
    outline = alone.outline(Design(network, Problem(channels=3), mirrored=False))
    assert [layer["kind"] for layer in outline["layers"]] == [type(s).__name__ for s in NETWORKS[network].layers]
    inner = [len(layer.layers) for layer in NETWORKS[network].layers if isinstance(layer, Residual)]
    assert [len(layer["layers"]) for layer in outline["layers"] if layer["kind"] == "Residual"] == inner
    assert all(layer["kind"] == "Conv" for block in outline["layers"] for layer in block.get("layers", ()))
    assert (outline["channels"], outline["mirrored"]) == (3, False)
