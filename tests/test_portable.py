"""What other programs read answers what the network answers, and is made and tried before it is kept."""

import io
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from core.config import Design, Problem
from core.cost import alone
from core.cost.files import Export, Exporting
from core.cost.script import script
from core.engine import formats, portable
from core.engine.formats import FORMATS, agreement
from core.engine.inference import Classifier
from core.engine.models import build, get_weights
from core.engine.portable import from_state, onnx_runtime, run_alone, to_onnx, to_state
from core.errors import ConfigError, JobCancelled, PruningError
from core.networks import NETWORKS
from core.pruning import PruningConfig, prune, rank
from core.pruning.filters import by_norm, take
from core.store.results import Results
from core.store.runs import EXPORTS, RunStore
from tests import tiny

pytestmark = pytest.mark.slow

GREY, COLOURED = Problem(), Problem(32, 3, 10)
IMAGES = tiny.stripes(40, 3).images
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
CASES = [
    *((Design(network), IMAGES) for network in NETWORKS),
    (Design("convnet-small", COLOURED, mirrored=False), PIXELS),
    (Design("lenet", COLOURED), PIXELS),
]
each_case = pytest.mark.parametrize(("design", "images"), CASES, ids=lambda case: getattr(case, "network", ""))


def pruned(design: Design) -> dict[str, np.ndarray]:
    weights = get_weights(build(design, 0))
    return prune(weights, rank(weights, PruningConfig()), 0.6)


@each_case
def test_onnx_answers_any_number_of_images_as_torch_does(design: Design, images: np.ndarray) -> None:
    content = to_onnx(design, pruned(design))
    onnx.checker.check_model(onnx.load(io.BytesIO(content)), full_check=True)
    run, expected = onnx_runtime(content), Classifier(design, images).infer(pruned(design))
    for n in (1, 7, len(images)):
        assert agreement("onnx", run(images[:n]), expected[:n]) < 1e-5
    assert b"site-packages" not in content and str(Path.cwd()).encode() not in content


@each_case
def test_the_script_alone_answers_as_the_network_does(design: Design, images: np.ndarray) -> None:
    found = run_alone(script(design), to_state(pruned(design)), images)
    assert agreement("script", found, Classifier(design, images).infer(pruned(design))) < 1e-5
    assert len([line for line in script(design).splitlines() if line.strip()]) <= 20


def test_script_and_onnx_take_on_the_shapes_of_a_network_without_filters() -> None:
    design, joints = Design("convnet-small"), NETWORKS["convnet-small"].joints
    weights = get_weights(build(design, 0))
    small = take(weights, joints, by_norm(weights, joints, 0.5))
    expected = Classifier(design, IMAGES).infer(small)
    assert agreement("script", run_alone(script(design), to_state(small), IMAGES), expected) < 1e-5
    assert agreement("onnx", onnx_runtime(to_onnx(design, small))(IMAGES), expected) < 1e-5


def test_a_state_gives_back_every_bit_and_loads_without_running_anything() -> None:
    weights = pruned(Design("convnet-small"))
    content = to_state(weights)
    back = from_state(content)
    assert [*back] == [*weights] and all(back[name].tobytes() == weights[name].tobytes() for name in weights)
    assert {*torch.load(io.BytesIO(content), weights_only=True)} == {*weights}


def test_every_network_has_a_script_and_others_have_none() -> None:
    assert all("def network(images)" in script(Design(network)) for network in NETWORKS)
    with pytest.raises(ConfigError, match="no script"):
        script(Design("perceptron"))


def test_a_script_that_fails_is_told_by_its_last_words() -> None:
    with pytest.raises(PruningError, match=r"network\.py does not run \(NameError"):
        run_alone("import torch\nw = nothing\n", b"", IMAGES[:1])


def test_a_script_that_hangs_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "_PATIENCE", 0.1)
    with pytest.raises(PruningError, match=r"network.py has not answered within 0.1 s; ask again"):
        run_alone("import time\ntime.sleep(1000)\n", b"", IMAGES[:1])


def test_more_than_rounding_is_refused() -> None:
    logits = np.array([[8.0, -3.0]], np.float32)
    assert agreement("it", logits + 5e-6, logits) < 1e-5
    for wrong in (logits + 1e-2, logits * np.nan):
        with pytest.raises(PruningError, match="it gives other answers"):
            agreement("it", wrong, logits)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    tiny.train(tiny.config(), root=root)
    return root


def test_the_task_stores_an_archive_that_says_what_was_tried(root: Path) -> None:
    run_id, store, done = tiny.config().run_id, Results(RunStore(root)), []
    tiny.export(run_id, PruningConfig(), 0.9, root=root, on_progress=lambda p: done.append((p.done, p.of)))
    made = store.get(Exporting(run_id=run_id, sparsity=0.9))
    assert made is not None and [d for d in done if d[1] > 1] == [(i, len(FORMATS)) for i in range(len(FORMATS) + 1)]
    assert [*made.files] == [form.file for form in FORMATS]
    said = " ".join(made.checked)
    assert "weights_only=True" in said and "on 200 test images" in said and "empty folder" in said
    weights = RunStore(root).weights(run_id)
    expected = prune(weights, rank(weights, PruningConfig()), 0.9)
    assert all(from_state(made.files["weights.pt"])[name].tobytes() == expected[name].tobytes() for name in weights)
    page = made.files["network.html"]
    assert alone.payload(page) == made.files["network.plab"]
    assert "39,771 of 44,190 weights are zero." in page.decode() and " of 200), on images" in page.decode()
    assert store.get(Exporting(run_id=run_id, sparsity=0.5)) is None
    with pytest.raises(JobCancelled):
        tiny.export(run_id, PruningConfig(), 0.5, root=root, should_stop=lambda: True)


def test_a_network_whose_onnx_gives_other_answers_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "onnx_runtime", lambda content: lambda images: np.zeros((len(images), 10)))
    with pytest.raises(PruningError, match=r"network\.onnx gives other answers"):
        tiny.export(tiny.config().run_id, PruningConfig(), 0.2, root=root)
    assert Results(RunStore(root)).get(Exporting(run_id=tiny.config().run_id, sparsity=0.2)) is None


def test_old_archives_make_room_and_damaged_ones_are_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, run_id = Results(RunStore(root)), tiny.config().run_id
    monkeypatch.setattr("core.store.results.ROOM", 2500)
    files = Export({"weights.pt": np.random.default_rng(0).bytes(1000)}, ("It was tried.",))
    for sparsity in (0.1, 0.2, 0.3):
        store.put(Exporting(run_id=run_id, sparsity=sparsity), files)
    kept = [store.get(Exporting(run_id=run_id, sparsity=sparsity)) for sparsity in (0.1, 0.2, 0.3)]
    assert kept == [None, files, files]
    for path in (root / EXPORTS).iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    assert store.get(Exporting(run_id=run_id, sparsity=0.3)) is None


def test_an_archive_survives_and_no_archive_is_refused() -> None:
    files = Export({"a.txt": b"text", "b": bytes(range(256))}, ("One.", "Two."))
    with zipfile.ZipFile(io.BytesIO(files.zipped())) as archive:
        assert archive.testzip() is None
    assert Export.unzipped(files.zipped()) == files and files.zipped() == files.zipped()
