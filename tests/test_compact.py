"""The compact encoding is as its specification says, gives every bit back, and leaves out what it can."""

import json
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from core.cost import compact
from core.cost.compact import Bits, DamagedError
from tests import plain_compact
from tests.test_formats import kernels


def on_grid(bits: int, shape: tuple[int, ...], sparsity: float, seed: int = 0) -> NDArray[np.float32]:
    """Random weights, each a whole number of so many bits times its row's scale of eight significant bits."""
    rng = np.random.default_rng(seed)
    most = 2 ** (bits - 1) - 1
    whole = rng.normal(0, most / 3, shape).round().clip(-most, most) * (rng.random(shape) >= sparsity)
    scales = rng.integers(128, 256, len(whole)) / 2.0**13
    return np.asarray(whole * scales.reshape(-1, *[1] * (len(shape) - 1)) + 0.0, np.float32)


def short(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """As bfloat16, without rounding."""
    return (array.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def network() -> dict[str, NDArray[np.float32]]:
    """Every kind of array."""
    rng, layers = np.random.default_rng(3), kernels(0.8)
    return {
        "dense": kernels(0.0)[0],
        "pruned": layers[1],
        "4 bits": on_grid(4, (16, 8, 3, 3), 0.3),
        "8 bits": on_grid(8, (10, 200), 0.5),
        "bfloat16": short(rng.standard_normal(16).astype(np.float32)),
        "variance": rng.random(16).astype(np.float32),
        "empty": np.zeros((0, 3), np.float32),
        "none": np.zeros((3, 0), np.float32),
        "scalar": np.array(-2.5, np.float32),
        "zero": np.zeros((4, 5), np.float32),
        "negative zero": np.array([0.0, -0.0, 1.0], np.float32),
        "constant": np.full(7, 0.1, np.float32),
        "extremes": np.array([[1e-45, -3.4e38], [np.inf, np.nan]], np.float32),
        "denormal grid": np.array([[3e-45, -7e-45], [0, 0]], np.float32),
    }


def same(found: dict[str, NDArray[np.float32]], expected: dict[str, NDArray[np.float32]]) -> bool:
    def listed(weights: dict[str, NDArray[np.float32]]) -> list[tuple[str, tuple[int, ...], object, bytes]]:
        return [(name, array.shape, array.dtype, array.tobytes()) for name, array in weights.items()]

    return listed(found) == listed(expected)


def grids_in(content: bytes) -> set[str]:
    """Which arrays of a small file are grids."""
    assert content[6] < 128 or content[7] < 128
    text = zlib.decompressobj(-15).decompress(content[6 + (content[5] >= 128) :])
    return {name for name, grid, *_ in json.loads(text)[0] if grid}


def test_every_kind_of_array_comes_back_bit_for_bit_in_order() -> None:
    expected, notes = network(), {"run": "één", "k": 3}
    content = compact.pack(expected, notes)
    found, said = compact.unpack(content)
    assert same(found, expected) and said == notes
    large = {name for name, array in expected.items() if array.size > 10}
    assert large & grids_in(content) == {"4 bits", "8 bits"}
    for name, array in expected.items():
        assert same(compact.unpack(compact.pack({name: array}, {}))[0], {name: array})
    assert compact.unpack(compact.pack({}, {})) == ({}, {})


def test_layers_of_nothing_but_zeros_are_one_byte() -> None:
    layers: list[compact.Bits] = [np.zeros((3, 4), np.uint32), np.zeros(7, np.uint8), np.zeros((0, 2), np.uint32)]
    content = compact.encode(layers)
    again = compact.decode(content, [x.shape for x in layers], [x.dtype.type for x in layers])
    assert len(content) == 1 and all(np.array_equal(a, b) for a, b in zip(layers, again, strict=True))
    nothing = {"fc.weight": np.zeros((3, 4), np.float32), "fc.bias": np.zeros(3, np.float32)}
    found, _ = plain_compact.unpack(compact.pack(nothing, {}))
    assert same(compact.unpack(compact.pack(nothing, {}))[0], nothing)
    assert found == {"fc.weight": [0.0] * 12, "fc.bias": [0.0] * 3}


def test_a_decoder_that_knows_the_specification_alone_finds_the_same() -> None:
    expected, notes = network(), {"run": "één"}
    found, said = plain_compact.unpack(compact.pack(expected, notes))
    assert [*found] == [*expected] and said == notes
    for name, array in expected.items():
        assert np.array(found[name], np.float32).tobytes() == array.tobytes()


@settings(max_examples=200)
@given(hnp.arrays(np.uint32, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)))
def test_any_bits_come_back(bits: NDArray[np.uint32]) -> None:
    expected = {"a": bits.view(np.float32), "b": short(bits.view(np.float32))}
    assert same(compact.unpack(compact.pack(expected, {}))[0], expected)


@settings(max_examples=200)
@given(
    hnp.arrays(np.int8, hnp.array_shapes(min_dims=2, max_dims=3, max_side=6), elements=st.integers(-127, 127)),
    st.integers(1, (1 << 16) - 1),
    st.integers(-149, 90),
)
def test_every_product_of_whole_numbers_and_short_scales_is_a_grid(
    whole: NDArray[np.int8], significand: int, power: int
) -> None:
    scales = np.ldexp(np.float64(significand) + np.arange(len(whole)), power)
    array = (whole * scales.reshape(-1, *[1] * (whole.ndim - 1)) + 0.0).astype(np.float32)
    found = compact.grid(array)
    assert found is not None
    again = found[0] * found[1].reshape(-1, *[1] * (whole.ndim - 1))
    assert found[1].dtype == np.float32 and again.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "row", [[1, 128], [1, 1.0000001], [1, -0.0], [1, np.inf], [1, np.nan], [1e-38, 1e38], [127, 129], []]
)
def test_what_is_no_grid_is_none(row: list[float]) -> None:
    assert compact.grid(np.array([row], np.float32)) is None


def test_a_row_with_few_weights_has_a_scale_as_short_as_those_of_the_others() -> None:
    array = np.array([[129, -6 * 129, 7 * 129], [0, 7 * 131, 0], [0, 0, 0]], np.float32)
    whole, scales = compact.grid(array) or pytest.fail("no grid")
    assert scales.tolist() == [129, 131, 0] and whole.tolist() == [[1, -6, 7], [0, 7, 0], [0, 0, 0]]


@pytest.mark.parametrize(("bits", "shape"), [(4, (10, 300)), (8, (10, 1000)), (4, (16, 8, 3, 3))])
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.9])
def test_a_grid_takes_its_entropy_and_a_table(bits: int, shape: tuple[int, ...], sparsity: float) -> None:
    array = on_grid(bits, shape, sparsity)
    found = compact.grid(array) or pytest.fail("no grid")
    bound = compact.entropy([found[0].view(np.uint8), found[1].view(np.uint32)])
    taken = len(compact.pack({"w": array}, {}))
    assert bound <= taken <= 1.04 * bound + 2 ** (bits - 1) + 60
    assert taken < 0.9 * len(compact.encode([array.view(np.uint32)]))


def test_bits_that_are_the_same_in_all_weights_are_left_out() -> None:
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    sizes = [len(compact.encode([v.view(np.uint32)])) for v in (values, abs(values), short(values), short(abs(values)))]
    assert [sizes[0] - size for size in sizes] == [0, 125, 2000, 2125]


def test_a_small_file_of_many_weights_takes_little_more_memory_than_these() -> None:
    array = np.full((1024, 4096), 0.1, np.float32)
    content = compact.pack({"w": array}, {})
    tracemalloc.start()
    compact.unpack(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(content) < 4096 and peak < 4 * array.nbytes


def test_every_damaged_byte_of_a_file_is_refused() -> None:
    content = compact.pack(network(), {})
    for at in range(len(content)):
        with pytest.raises(DamagedError):
            compact.unpack(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])


def test_layers_of_both_types_whose_bytes_are_damaged_are_refused_or_keep_their_shapes() -> None:
    whole, scales = compact.grid(on_grid(4, (16, 8, 3, 3), 0.3)) or pytest.fail("no grid")
    layers: list[Bits] = [whole.view(np.uint8), scales.view(np.uint32), kernels(0.9)[0].view(np.uint32)]
    content, shapes, types = compact.encode(layers), [x.shape for x in layers], [x.dtype.type for x in layers]
    for at in range(len(content)):
        for bit in range(8):
            try:
                found = compact.decode(
                    content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :], shapes, types
                )
            except DamagedError:
                continue
            assert [layer.shape for layer in found] == shapes
