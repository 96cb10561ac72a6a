"""Every format gives back what it was given, takes the bytes that others count, and refuses what is damaged."""

import random
from math import prod

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from core.cost import compact
from core.cost.compact import Bits, DamagedError
from core.cost.encodings import CODERS, ENCODINGS, encoding, quantised, restored

TYPES = (np.uint32, np.uint16, np.uint8)
BY_TYPE = [(name, dtype) for name in ENCODINGS for dtype in TYPES if not (name == "compact" and dtype is np.uint16)]


@st.composite
def drawn(draw: st.DrawFn, dtype: type[np.unsignedinteger]) -> list[Bits]:
    """Some layers, from all zero to dense."""
    layers = []
    for _ in range(draw(st.integers(0, 3))):
        shape = draw(hnp.array_shapes(min_dims=2, max_dims=4, max_side=7))
        values = draw(hnp.arrays(dtype, shape))
        keep = draw(hnp.arrays(np.bool_, shape)) | draw(st.booleans())
        layers.append(np.where(keep & draw(st.booleans()), values, dtype(0)).astype(dtype))
    return layers


def kernels(sparsity: float, seed: int = 0) -> list[NDArray[np.float32]]:
    """Three kernels of normal weights of which a share is zero."""
    rng = np.random.default_rng(seed)
    shapes = ((8, 1, 5, 5), (16, 8, 3, 3), (10, 300))
    return [
        np.where(rng.random(shape) < sparsity, 0, 0.1 * rng.standard_normal(shape)).astype(np.float32)
        for shape in shapes
    ]


def bits(layers: list[NDArray[np.float32]]) -> list[Bits]:
    return [layer.view(np.uint32) for layer in layers]


@pytest.mark.parametrize(("name", "dtype"), BY_TYPE)
def test_what_is_decoded_is_what_was_encoded(name: str, dtype: type[np.unsignedinteger]) -> None:
    @settings(max_examples=60)
    @given(drawn(dtype))
    def check(layers: list[Bits]) -> None:
        form = ENCODINGS[name]
        again = form.decode(form.encode(layers), [layer.shape for layer in layers], dtype)
        assert len(again) == len(layers)
        for layer, back in zip(layers, again, strict=True):
            assert back.dtype == dtype and back.shape == layer.shape
            np.testing.assert_array_equal(back, layer)

    check()


@pytest.mark.parametrize("sparsity", [0.0, 0.001, 0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("coder", CODERS)
def test_weights_of_networks_come_back_through_every_compressor(name: str, coder: str, sparsity: float) -> None:
    layers = bits(kernels(sparsity))
    there, back = CODERS[coder]
    plain = ENCODINGS[name].encode(layers)
    assert back(there(plain), len(plain)) == plain
    again = ENCODINGS[name].decode(plain, [layer.shape for layer in layers], np.uint32)
    assert all(np.array_equal(a, b) for a, b in zip(layers, again, strict=True))


@pytest.mark.parametrize("name", ENCODINGS)
def test_negative_zero_denormals_and_the_largest_weights_keep_every_bit(name: str) -> None:
    odd = np.array([[0.0, -0.0, 1e-45, -1e-45], [3.4e38, -3.4e38, np.inf, np.nan]], np.float32).view(np.uint32)
    (again,) = ENCODINGS[name].decode(ENCODINGS[name].encode([odd]), [odd.shape], np.uint32)
    np.testing.assert_array_equal(again, odd)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize(("name", "index"), [("csr64", np.int64), ("csr32", np.int32)])
def test_csr_takes_what_scipy_and_torch_take(name: str, index: type[np.signedinteger], sparsity: float) -> None:
    layers = kernels(sparsity)
    scipys = torchs = 0
    for layer in layers:
        rows = layer.reshape(layer.shape[0], -1)
        found = scipy.sparse.csr_array(rows)
        scipys += found.data.nbytes + found.indices.size * np.dtype(index).itemsize
        scipys += found.indptr.size * np.dtype(index).itemsize
        other = torch.from_numpy(rows).to_sparse_csr()
        size = np.dtype(index).itemsize
        torchs += other.values().numel() * 4 + (other.col_indices().numel() + other.crow_indices().numel()) * size
    assert len(ENCODINGS[name].encode(bits(layers))) == scipys == torchs
    with_16 = len(ENCODINGS["csr16"].encode(bits(layers)))
    stored, rows_of_all = sum(int((layer != 0).sum()) for layer in layers), sum(layer.shape[0] + 1 for layer in layers)
    assert with_16 == 6 * stored + 4 * rows_of_all


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.9, 1.0])
def test_coo_takes_what_torch_takes_and_a_count_for_each_layer(sparsity: float) -> None:
    layers = kernels(sparsity)
    expected = 0
    for layer in layers:
        found = torch.from_numpy(layer).to_sparse()
        assert found.indices().dtype == torch.int64
        expected += 8 + found.indices().numel() * 8 + found.values().numel() * 4
    assert len(ENCODINGS["coo"].encode(bits(layers))) == expected


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.9, 1.0])
def test_bitmask_and_gaps_take_what_the_closed_forms_say(sparsity: float) -> None:
    layers = kernels(sparsity)
    stored = sum(int((layer != 0).sum()) for layer in layers)
    assert len(ENCODINGS["bitmask"].encode(bits(layers))) == sum(-(-w.size // 8) for w in layers) + 4 * stored
    gaps = 0
    for layer in layers:
        places = np.flatnonzero(layer)
        gaps += 4 + sum(max(1, -(-int(g).bit_length() // 7)) for g in np.diff(places, prepend=-1) - 1)
    assert len(ENCODINGS["gaps"].encode(bits(layers))) == gaps + 4 * stored


@pytest.mark.parametrize("sparsity", [0.0, 0.001, 0.3, 0.9, 0.99, 0.999, 1.0])
def test_the_compact_encoding_is_the_smallest_and_near_its_bound(sparsity: float) -> None:
    layers = bits(kernels(sparsity))
    taken = len(ENCODINGS["compact"].encode(layers))
    others = [len(CODERS[c][0](ENCODINGS[n].encode(layers))) for n in ENCODINGS for c in CODERS if n != "compact"]
    assert taken < min(others)
    bound = compact.entropy(layers)
    assert bound - 3 * len(layers) <= taken <= bound + 130  # the tables; a little is won by drawing without return


def test_the_entropy_bound_is_that_of_its_definition() -> None:
    half = np.array([[0, 0, 0x3F800000, 0x3F800001]], np.uint32)  # half zero, one exponent: a bit each, and 23 for two
    assert compact.entropy([half]) == pytest.approx((4 + 46) / 8)
    signs = np.array([[0, 0, 0x3F800000, 0xBF800001]], np.uint32)
    assert compact.entropy([signs]) == pytest.approx((4 + 48) / 8)
    assert compact.entropy([signs & np.uint32(0xFFC00000)]) == pytest.approx((4 + 2) / 8)  # no fraction bit is left
    assert compact.entropy([np.zeros((3, 3), np.uint32)]) == 0.0
    assert compact.entropy([np.array([[0, 1, 2, 3]], np.uint8)]) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ENCODINGS)
def test_damaged_bytes_are_refused_or_give_layers_of_the_same_shapes(name: str) -> None:
    layers, chance = bits(kernels(0.7)), random.Random(0)
    shapes, whole = [layer.shape for layer in layers], ENCODINGS[name].encode(layers)
    refused = 0
    for _ in range(400):
        content = bytearray(whole)
        match chance.randrange(3):
            case 0:
                del content[chance.randrange(len(content)) :]
            case 1:
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            case 2:
                content[: chance.randrange(40)] = chance.randbytes(chance.randrange(40))
        try:
            found = ENCODINGS[name].decode(bytes(content), shapes, np.uint32)
        except DamagedError as error:
            assert str(error)
            refused += 1
        else:
            assert [layer.shape for layer in found] == shapes
    assert refused > 50


@settings(max_examples=300)
@given(st.binary(max_size=200), st.sampled_from(BY_TYPE))
def test_any_bytes_at_all_are_refused_or_decoded(content: bytes, asked: tuple[str, type[np.unsignedinteger]]) -> None:
    name, dtype = asked
    shapes = [(3, 4), (2, 1, 3, 3)]
    try:
        found = ENCODINGS[name].decode(content, shapes, dtype)
    except DamagedError:
        return
    assert [layer.size for layer in found] == [prod(shape) for shape in shapes]


@pytest.mark.parametrize(("bits", "most"), [(8, 127), (4, 7)])
def test_integers_have_a_scale_for_each_output_channel_and_keep_zeros(bits: int, most: int) -> None:
    layer = kernels(0.5)[1]
    whole, scales = quantised(layer, bits)
    assert np.abs(whole.reshape(16, -1)).max(axis=1).tolist() == [most] * 16
    assert whole.dtype == np.int8 and scales.shape == (16,) and ((whole == 0) >= (layer == 0)).all()
    rows = np.abs(layer.reshape(16, -1))
    np.testing.assert_allclose(scales, rows.max(axis=1) / most, rtol=1e-6)
    off = np.abs(restored(whole, scales) - layer).reshape(16, -1)
    assert (off.max(axis=1) <= 0.5001 * scales).all()
    nothing, none = quantised(np.zeros((2, 3), np.float32), bits)
    assert not nothing.any() and not none.any()


@pytest.mark.parametrize(("bits", "most"), [(8, 127), (4, 7)])
def test_integers_agree_with_torch(bits: int, most: int) -> None:
    layer = kernels(0.2)[2]
    whole, scales = quantised(layer, bits)
    zero_points = torch.zeros(10, dtype=torch.int32)
    theirs = torch.fake_quantize_per_channel_affine(
        torch.from_numpy(layer), torch.from_numpy(scales), zero_points, 0, -most, most
    )
    np.testing.assert_allclose(restored(whole, scales), theirs.numpy(), atol=1e-7)


@settings(max_examples=60)
@given(hnp.arrays(np.int8, hnp.array_shapes(max_dims=3, max_side=5), elements=st.integers(-7, 7)))
def test_dense_int4_puts_two_weights_in_a_byte(whole: NDArray[np.int8]) -> None:
    form, layers = encoding("dense", "int4"), [whole.view(np.uint8), whole[:1].view(np.uint8)]
    content = form.encode(layers)
    assert len(content) == sum(-(-layer.size // 2) for layer in layers)
    again = form.decode(content, [layer.shape for layer in layers], np.uint8)
    assert all(np.array_equal(a, b) for a, b in zip(layers, again, strict=True))


def test_a_layer_with_more_columns_than_16_bits_count_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        ENCODINGS["csr16"].encode([np.zeros((1, 65_537), np.uint32)])
