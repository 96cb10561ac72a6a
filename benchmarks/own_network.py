"""A network that was brought: images a second at all stops, and one worker against two.

The network is ResNet-18 (torchvision's, random weights; 11.2 million weights, 224 x 224), the pictures are test images
of Fashion-MNIST as JPEG files of 256 x 256. The same images are answered at all stops in three ways:

    a session a stop    a session of ONNX Runtime is made for each stop, and the pictures are read again for it
    weights fed         one session whose weights are inputs, and the pictures are read again for each stop
    ours                a part as a worker evaluates it

Then ours on a scheduler with one worker and with two, each on a processor of its own, with images of 64 x 64.
"""

import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import torchvision
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper
from PIL import Image

from benchmarks.cluster import engine_with
from benchmarks.results import Row, save
from core.data import fashion, pools
from core.engine.machine import THREADS
from core.engine.own.graph import Graph
from core.engine.own.network import Own
from core.engine.own.runtime import batches
from core.engine.tasks import own as task
from core.engine.tasks import perform
from core.engine.tasks.profile import measured
from core.engine.work import Ranked, Work
from core.evaluation.profile import stops
from core.evaluation.rounds import Measuring, measurings
from core.own.brought import Brought
from core.own.reading import Reading
from core.pruning import PruningConfig, prune, rank
from core.run import Bringing, Run
from core.store import uploads
from core.store.results import Results
from core.store.runs import RunStore

IMAGES, LARGE, SHARED, SMALL = 32, 224, 448, 64


def exported(side: int) -> bytes:
    """ResNet-18 for images of that side, as a file."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=len(fashion.CLASSES)).eval()
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, on this exporter
        names: Any = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": {"x": {0: "n"}, "y": {0: "n"}}}
        torch.onnx.export(network, (torch.zeros(1, 3, side, side),), file.name, dynamo=False, **names)
        return Path(file.name).read_bytes()


def pictures(folder: Path, n: int) -> None:
    """So many test images as JPEG files, a folder for each class, below `test`; one of each class below `train`."""
    test = fashion.load_test(fashion.locate())
    chosen = [*range(n), *(int(np.flatnonzero(test.labels[n:] == label)[0]) + n for label in range(10))]
    for i in chosen:
        place = folder / ("test" if i < n else "train") / fashion.CLASSES[test.labels[i]].replace("/", " ")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(test.images[i]).convert("RGB").resize((256, 256)).save(place / f"{i}.jpg", quality=90)


def brought(root: Path, folder: Path, side: int) -> Run:
    """A run of the network on the pictures, whose first part is evaluated."""
    data = pools.opened(folder.name).id
    file = uploads.put(RunStore(root), exported(side))
    reading = Reading("NCHW", (side, side), 3, "ImageNet's mean and deviation", "crop")
    run: Run = perform(Bringing(config=Brought(name="resnet18.onnx", file=file, data=data, reading=reading)), root)
    return run


def plain(ranked: Ranked, network: Own) -> NDArray[np.int64]:
    """Answers at each stop, (S, n): for each a session, with ONNX Runtime's own settings, and the pictures again."""
    rows = []
    for sparsity in stops(ranked.ranking):
        weights = prune(ranked.weights, ranked.ranking, sparsity)
        model = network.graph.rewritten(network.constants(weights))
        rows.append(_answers(_session(model), network, {}))
    return np.stack(rows)


def fed(ranked: Ranked, network: Own) -> NDArray[np.int64]:
    """The same with one session whose weights are inputs."""
    session, rows = _session(_open(network.graph)), []
    for sparsity in stops(ranked.ranking):
        given = network.graph.stored(prune(ranked.weights, ranked.ranking, sparsity))
        rows.append(_answers(session, network, given))
    return np.stack(rows)


def _session(model: ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _open(graph: Graph) -> ModelProto:
    """The model with its weights as inputs."""
    model = ModelProto()
    model.CopyFrom(graph.model)
    names = {layer.constant for layer in graph.layers}
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in names]
    for tensor in model.graph.initializer:
        if tensor.name in names:
            model.graph.input.append(helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.dims))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model


def _answers(session: onnxruntime.InferenceSession, network: Own, given: dict[str, Any]) -> NDArray[np.int64]:
    images: Iterator[Any] = batches(network.pictures.of(np.arange(IMAGES)), network.reading)
    return np.concatenate([session.run(None, {"x": batch, **given})[0].argmax(1) for batch in images])


def ways(root: Path, run: Run) -> tuple[list[Row], dict[str, Any]]:
    """The three ways, one after the other, and whether their answers are the same."""
    work = Work(Measuring(run_id=run.id, number=0), Results(RunStore(root)))
    weights = work.store.weights(run.id)
    network = work.network(run)
    assert isinstance(network, Own)
    ranked = Ranked(run, weights, rank(weights, PruningConfig()), network, work)
    _ = network.pictures
    first, rows, seconds = None, list[Row](), dict[str, float]()
    for name, way in (("a session a stop", plain), ("weights fed", fed), ("ours", _part)):
        began = time.perf_counter()
        found = way(ranked, network)
        seconds[name] = time.perf_counter() - began
        first = found if first is None else first
        rows.append({
            "way": name, "images/s at a stop": found.size / seconds[name],
            "times as fast": seconds["a session a stop"] / seconds[name],
            "other answers": int((found != first).sum()),
        })  # fmt: skip
    return rows, {"images": IMAGES, "stops": len(stops(ranked.ranking)), "seconds": seconds}


def _part(ranked: Ranked, network: Own) -> NDArray[np.int64]:
    return measured(ranked, 0).arrays["predicted"].astype(np.int64)


def shared(root: Path, run: Run, workers: int) -> tuple[float, NDArray[Any]]:
    """Seconds until so many workers have all parts but the first in the store, and the answers."""
    results = Results(RunStore(root))
    jobs = measurings(run.id, PruningConfig(), run.parts)
    for job in jobs[1:]:
        results.drop(job)
    with engine_with(workers, root, alone=True) as engine:
        began = time.perf_counter()
        engine.submit_all(jobs[1:])
        while not all(engine.results.has(job) for job in jobs):
            time.sleep(0.05)
        seconds = time.perf_counter() - began
    profile = Results(RunStore(root)).profile(run.id, PruningConfig())
    assert profile is not None and profile.images == run.images
    return seconds, profile.predicted


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        root, sets = Path(place) / "runs", Path(place) / "sets"
        for name, n in (("large", IMAGES), ("small", SHARED)):
            pictures(sets / name, n)
        os.environ["PRUNELAB_DATASETS"] = str(sets)
        rows, measured = ways(root, brought(root, sets / "large", LARGE))
        task.SECONDS = 0.0  # parts of the least size
        run = brought(root, sets / "small", SMALL)
        alone, first = shared(root, run, 1)
        both, second = shared(root, run, 2)
        table: list[Row] = [*rows]
        for name, seconds, found in (("one worker", alone, first), ("two workers", both, second)):
            speed = (run.images - run.chunk) * len(found) / seconds
            table.append({
                "way": name, "images/s at a stop": speed, "times as fast": alone / seconds,
                "other answers": int((found != first).sum()),
            })  # fmt: skip
        save("own_network", table, {**measured, "parts": run.parts, "one worker": alone, "two workers": both})


if __name__ == "__main__":
    main()
