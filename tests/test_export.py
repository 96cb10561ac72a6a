"""A download gives back every bit without PruneLab and says what it is; a damaged one is refused."""

import hashlib
import io
import json
import random
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cost import compact
from core.cost.compact import DamagedError, decoder
from core.cost.files import Export, mask_digest
from core.engine.formats import FORMATS, Pruned, export
from core.errors import PruningError
from core.evaluation import Comparison
from core.pruning import PruningConfig, Weights, kernels, prune, rank
from core.run import Run
from core.store.runs import RunStore
from tests import small, tiny
from tests.patience import PATIENCE

WEIGHTS = small.weights()
PRUNED = prune(WEIGHTS, rank(WEIGHTS, PruningConfig()), 0.8)
PACKED = compact.pack(PRUNED, {"run": "one"})


FILES = ("weights.safetensors", "network.plab", "compact.py", "MODEL_CARD.md")
"""Those that are written and read without torch."""


def written(run: Run, weights: Weights, k: int) -> Export:
    comparison = Comparison(200, 150, 20, 10, 20, 25)
    images, labels, logits = np.zeros(0, np.uint8), np.zeros(0, np.uint8), np.zeros(0, np.float32)
    network = Pruned(run, weights, PruningConfig(), k, comparison, images, labels, logits)
    return export(network, [form for form in FORMATS if form.file in FILES])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Export, dict[str, np.ndarray]]:
    root = tmp_path_factory.mktemp("runs")
    tiny.train(tiny.config(), root=root)
    store = RunStore(root)
    run, weights = store.get(tiny.config().run_id), store.weights(tiny.config().run_id)
    ranking = rank(weights, PruningConfig())
    pruned = prune(weights, ranking, 0.9)
    return written(run, pruned, ranking.count(0.9)), pruned


def test_a_packed_network_is_unpacked_bit_for_bit_in_order() -> None:
    weights, notes = compact.unpack(PACKED)
    assert [*weights] == [*PRUNED] and notes == {"run": "one"}
    for name, array in weights.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array.view(np.uint32), PRUNED[name].view(np.uint32))


def test_the_archive_is_read_where_there_is_no_prunelab(
    made: tuple[Export, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    with zipfile.ZipFile(io.BytesIO(made[0].zipped())) as archive:
        archive.extractall(tmp_path)
    script = """
import compact, sys
from safetensors.numpy import load_file
weights, notes = compact.unpack(open("network.plab", "rb").read())
other = load_file("weights.safetensors")
assert {*weights} == {*other} and all(weights[n].tobytes() == other[n].tobytes() for n in other)
assert not any(name == "core" or name.startswith("core.") for name in sys.modules)
print(sum(int((w != 0).sum()) for n, w in weights.items() if w.ndim >= 2), notes["k"], notes["total"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    left, k, total = map(int, done.stdout.split())
    assert left == total - k == sum(int((w != 0).sum()) for w in kernels(made[1]).values())


def test_the_card_says_what_it_is_and_the_checks_what_was_read_again(
    made: tuple[Export, dict[str, np.ndarray]],
) -> None:
    found, pruned = made
    card = found.files["MODEL_CARD.md"].decode()
    assert tiny.config().run_id in card and mask_digest(pruned) in card
    assert "39,771 of 44,190 weights" in card and "170 of 200" in card and "160 of 200" in card
    assert "| MD5 of synthetic | 00000000000000000000000000000000 |" in card and "Version of torch" in card
    described = [line.split("`")[1] for line in card.splitlines() if line.startswith("- ")]
    assert [*described, "MODEL_CARD.md"] == [form.file for form in FORMATS]
    sizes = [len(found.files[name]) for name in ("weights.safetensors", "network.plab")]
    for size, said in zip(sizes, found.checked, strict=True):
        assert f"{size:,}" in said
    assert sizes[1] < 0.15 * sizes[0]


def test_the_digest_of_the_masks_is_that_of_which_weights_are_zero() -> None:
    flat = b"".join(np.packbits(w.reshape(-1) != 0).tobytes() for w in kernels(PRUNED).values())
    assert mask_digest(PRUNED) == hashlib.sha256(flat).hexdigest()
    assert mask_digest(WEIGHTS) != mask_digest(PRUNED)


def test_a_file_that_does_not_give_back_what_it_was_given_is_not_offered(
    made: tuple[Export, dict[str, np.ndarray]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tiny.train(tiny.config(), root=tmp_path)
    run = RunStore(tmp_path).get(tiny.config().run_id)
    monkeypatch.setattr(compact, "unpack", lambda content: ({**made[1], "fc3.bias": np.zeros(10, np.float32)}, {}))
    with pytest.raises(PruningError, match="did not give back"):
        written(run, made[1], 1)


def signed(content: bytes) -> bytes:
    """With the checksum that belongs to it: as somebody would who means harm."""
    return content + zlib.crc32(content).to_bytes(4, "little")


def headed(text: bytes, layers: bytes = b"") -> bytes:
    """A file whose head is this text."""
    head = zlib.compress(text, wbits=-15)
    assert len(head) < 1 << 14
    return signed(decoder.MAGIC + bytes([len(head) & 127 | 128, len(head) >> 7]) + head + layers)


def test_every_damaged_byte_is_noticed() -> None:
    for at in range(0, len(PACKED), 7):
        content = bytearray(PACKED)
        content[at] ^= 1
        with pytest.raises(DamagedError):
            compact.unpack(bytes(content))
    for length in range(0, len(PACKED), 101):
        with pytest.raises(DamagedError):
            compact.unpack(PACKED[:length])


def test_a_file_that_was_signed_anew_is_refused_or_read_and_nothing_else() -> None:
    chance, refused = random.Random(1), 0
    for _ in range(600):
        content = bytearray(PACKED[:-4])
        for _ in range(chance.randrange(1, 4)):
            content[chance.randrange(5, len(content))] = chance.randrange(256)
        try:
            compact.unpack(signed(bytes(content)))
        except DamagedError as error:
            assert str(error)
            refused += 1
    assert refused > 100


def test_a_file_of_the_first_version_is_told_from_no_file() -> None:
    with pytest.raises(DamagedError, match=r"version 1: read it with the compact\.py that came with it"):
        compact.unpack(signed(b"PLAB\x01" + bytes(60)))
    with pytest.raises(DamagedError, match="no PruneLab file"):
        compact.unpack(signed(b"PK\x03\x04" + bytes(60)))


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_head_and_any_bytes_are_refused(content: bytes) -> None:
    for harmful in (content, signed(content), signed(decoder.MAGIC + content), headed(content)):
        with pytest.raises(DamagedError):
            compact.unpack(harmful)


@pytest.mark.parametrize(
    "arrays",
    [
        [["a.weight", 0, 1 << 20, 1 << 20]],
        [["a.weight", 0, 10**400]],
        [["a.weight", 0, 0, 10**30]],
        [["a.weight", 0, -1, 4]],
        [["a.weight", 0, *[1] * 70]],
        [["a.weight", 1, 1 << 29, 0]],
        [["a", 0, 2], ["a", 0, 2]],
        [["a.weight", 0, "x"]],
        [["a.bias", 1, 1 << 28], ["b", 1, 1 << 28]],
        [["a.bias"]],
        "no list",
    ],
)
def test_a_head_that_asks_for_more_than_there_is_is_refused(arrays: object) -> None:
    with pytest.raises(DamagedError):
        compact.unpack(headed(json.dumps([arrays, {}]).encode()))


def test_a_head_that_grows_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MOST_OF_HEAD", 1 << 20)
    squeezer = zlib.compressobj(9, wbits=-15)
    head = b"".join(squeezer.compress(bytes(1 << 20)) for _ in range(3)) + squeezer.flush()
    size = bytes([len(head) & 127 | 128, len(head) >> 7 & 127 | 128, len(head) >> 14])
    with pytest.raises(DamagedError, match="head"):
        compact.unpack(signed(decoder.MAGIC + size + head))
