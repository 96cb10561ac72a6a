"""A network that was brought, as a run: opened, read, evaluated part by part, and everything that is asked of a run."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, checker, numpy_helper
from safetensors.numpy import load

from core import data
from core.cost.files import Exporting, facts
from core.cost.ledger import Weighing
from core.cost.rounding import Rounding
from core.cost.times import BROUGHT, Timing
from core.data import pools
from core.drawing import Drawing, Fitting, draw
from core.engine.tasks import own as task
from core.engine.tasks import perform
from core.errors import ConfigError, DataError, NetworkError, PruneLabError, PruningError, StoreError
from core.evaluation import compare
from core.evaluation.parts import Part
from core.evaluation.profile import Evaluating, Profile, Profiling
from core.evaluation.rounds import Measuring, measurings
from core.evaluation.trace import Tracing
from core.job import Job
from core.own.brought import GRAPH, PICTURES, Brought
from core.own.finding import Finding, Prepared
from core.own.looking import Looking
from core.own.pictures import in_order
from core.pruning import PruningConfig, kernels, prune
from core.run import Bringing, Run
from core.store import uploads
from core.store.results import Results
from core.store.runs import RunStore
from core.study.bisection import Search
from tests.graphs import digits, exported, trained, write_pictures

PRUNING = PruningConfig()
REFIT = PruningConfig(repair="refit", sample=100)


def zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A network of digits with batch normalisation, and 797 digits that it has not seen as a zip."""
    folder = tmp_path_factory.mktemp("digits")
    write_pictures(folder)
    return exported(trained(), kept=True), zipped(folder)


def brought(root: Path, network: bytes, archive: bytes, owner: str | None = "ann") -> Run:
    """Bring it as the page does."""
    store = RunStore(root)
    file, pictures = uploads.put(store, network), uploads.put(store, archive)
    found: Prepared = perform(Finding(upload=file, place="digits", pictures=pictures), root)
    config = Brought(name="digits.onnx", file=file, data=found.data, reading=found.found.best.reading)
    run: Run = perform(Bringing(config=config, owner=owner, pictures=pictures), root)
    return run


@pytest.fixture(scope="module")
def whole(files: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """Evaluated at once."""
    root = tmp_path_factory.mktemp("whole")
    return root, brought(root, *files)


@pytest.fixture
def parted(files: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Run]]:
    """The same, so slow that it is evaluated in parts, of which there is the first."""
    monkeypatch.setattr(task, "SECONDS", 0.0)
    yield tmp_path, brought(tmp_path, *files)


def test_it_is_a_run_like_any_other(whole: tuple[Path, Run], files: tuple[bytes, bytes]) -> None:
    root, run = whole
    store = RunStore(root)
    assert store.get(run.id) == run and run in store.runs()
    assert run.network == "digits.onnx" and run.brought is not None and run.owner == "ann" and run.normalised
    assert run.images == 638 and run.parts == 1 and run.accuracy.n == 638 and run.accuracy.value > 0.85
    assert {layer.name for layer in run.outline.layers} == {*store.weights(run.id)} if run.outline else False
    path = store.file(run.id, GRAPH)
    assert path is not None and path.read_bytes() == files[0]
    with pytest.raises(ConfigError, match="was brought, not trained here"):
        _ = run.trained
    with pytest.raises(StoreError, match="belongs to another visitor"):
        store.delete(run.id, "bob")


def test_what_is_known_of_it_is_said_in_its_files(whole: tuple[Path, Run], files: tuple[bytes, bytes]) -> None:
    """The view as a file and the model card say it."""
    root, run = whole
    labels = RunStore(root).labels(run.id)
    said = facts(run, PRUNING, 3, compare(labels, labels, labels))
    assert said["Network"] == "digits.onnx" and said["SHA-256 of the file"] == hashlib.sha256(files[0]).hexdigest()
    assert run.brought is not None and said["Pictures read as"] == str(run.brought.reading)
    assert said["Brought"] == run.created and not {"Seed", "Trained"} & {*said}


def test_its_repair_sees_few_images_and_fewer_large_ones(whole: tuple[Path, Run]) -> None:
    run = whole[1]
    assert run.pruned(repair="refit").sample == 1_000 and run.pruned().key == PRUNING.key
    assert replace(run, shape=(224, 224, 3)).pruned(repair="refit").sample == 265
    assert replace(run, shape=(512, 512, 3)).pruned(repair="refit").sample == 100
    trained_here = next(run for run in RunStore(whole[0]).runs() if run.reference)
    assert trained_here.pruned(repair="refit") == PruningConfig(repair="refit")


def test_its_answers_are_those_of_onnx_runtime(whole: tuple[Path, Run], files: tuple[bytes, bytes]) -> None:
    """Counted here, with the graph rewritten by hand."""
    root, run = whole
    store = RunStore(root)
    profile = store.profile(run.id, PRUNING)
    assert profile is not None
    path = store.file(run.id, PICTURES)
    assert path is not None and run.brought is not None
    pictures = in_order(data.zipped.pool_of_zip(path, "digits"))
    pixels = np.stack([pictures[i] for i in range(len(pictures))])[:, None].astype(np.float32) / 255
    weights = store.weights(run.id)
    row = profile.stop_index(60)
    pruned = prune(weights, store.ranking(run.id, weights, PRUNING), float(profile.sparsity[row]))
    model = ModelProto.FromString(files[0])
    for tensor in model.graph.initializer:
        if tensor.name in pruned:
            tensor.CopyFrom(numpy_helper.from_array(pruned[tensor.name], tensor.name))
    answers = [
        onnxruntime.InferenceSession(content).run(None, {"x": pixels})[0].argmax(1)
        for content in (files[0], model.SerializeToString())
    ]
    labels = store.labels(run.id)
    assert np.array_equal(labels, pictures.labels)
    assert run.brought.reading.scale == "0 to 1"
    assert profile.comparison(labels, row) == compare(labels, *answers)


def test_the_first_part_is_there_at_once_and_all_parts_are_the_whole_bit_for_bit(
    parted: tuple[Path, Run], whole: tuple[Path, Run]
) -> None:
    root, run = parted
    results, expected = Results(RunStore(root)), RunStore(whole[0]).profile(whole[1].id, PRUNING)
    assert expected is not None and run.id == whole[1].id
    first = results.profile(run.id, PRUNING)
    assert first is not None and results.runs.profile(run.id, PRUNING) is None
    assert run.parts == 10 and run.chunk == 64 and first.images == 64
    assert (run.accuracy.right, run.accuracy.n) == (
        first.comparison(results.runs.labels(run.id)[:64], 0).dense.right,
        64,
    )
    perform(Measuring(run_id=run.id, pruning=PRUNING, number=2), root)  # by another worker, out of turn
    known = results.profile(run.id, PRUNING)
    assert known is not None and known.images == 64
    perform(Measuring(run_id=run.id, pruning=PRUNING, number=1), root)
    known = results.profile(run.id, PRUNING)
    assert known is not None and known.images == 192
    assert np.array_equal(known.predicted, expected.predicted[:, :192])
    done: Profile = perform(Profiling(run_id=run.id, pruning=PRUNING), root)
    assert done.images == run.images
    for name, value in expected.to_arrays().items():
        assert np.array_equal(value, done.to_arrays()[name]), name
    assert results.runs.profile(run.id, PRUNING) is not None


def test_what_was_evaluated_before_a_stop_is_not_evaluated_again(
    parted: tuple[Path, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, run = parted
    seen, put = list[dict[Path, int]](), Results.put

    def put_and_look(results: Results, job: Job[Any], *result: Any, **of: Any) -> None:
        put(results, job, *result, **of)
        if isinstance(job, Measuring):
            seen.append(parts_in(root))

    def stop_soon() -> bool:
        return len(parts_in(root)) >= 4

    with pytest.raises(PruneLabError, match="was stopped"):
        perform(Profiling(run_id=run.id, pruning=PRUNING), root, should_stop=stop_soon)
    kept = parts_in(root)
    assert len(kept) == 4
    monkeypatch.setattr(Results, "put", put_and_look)
    perform(Profiling(run_id=run.id, pruning=PRUNING), root)
    assert {path: seen[-1][path] for path in kept} == kept
    assert len(seen[-1]) == run.parts and len(seen) == run.parts - len(kept) and not parts_in(root)


def parts_in(root: Path) -> dict[Path, int]:
    """The files of the parts, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in (root / "parts").iterdir()}


def test_a_damaged_part_is_computed_again(parted: tuple[Path, Run]) -> None:
    root, run = parted
    [file] = (root / "parts").iterdir()
    file.write_bytes(file.read_bytes()[:-20])
    results = Results(RunStore(root))
    assert results.profile(run.id, PRUNING) is None
    perform(Measuring(run_id=run.id, pruning=PRUNING, number=0), root)
    known = results.profile(run.id, PRUNING)
    assert known is not None and known.images == 64


def test_a_refit_is_shared_by_the_parts_and_equals_that_of_all_at_once(
    parted: tuple[Path, Run], whole: tuple[Path, Run]
) -> None:
    root, run = parted
    jobs = measurings(run.id, REFIT, run.parts)
    for job in jobs[:2]:
        perform(job, root)
    known = Results(RunStore(root)).profile(run.id, REFIT)
    expected: Profile = perform(Profiling(run_id=run.id, pruning=REFIT), whole[0])
    as_is = RunStore(whole[0]).profile(run.id, PRUNING)
    assert known is not None and as_is is not None
    assert np.array_equal(known.predicted, expected.predicted[:, :128])
    labels, row = RunStore(root).labels(run.id), expected.stop_index(80)
    before, after = (profile.comparison(labels, row).pruned.value for profile in (as_is, expected))
    assert after > before + 0.1


@pytest.mark.parametrize(
    "job",
    [
        lambda run: Evaluating(run_id=run.id, sparsity=0.123),
        lambda run: Weighing(run_id=run.id, sparsity=0.5),
        lambda run: Rounding(run_id=run.id, sparsity=0.5),
        lambda run: Search(run_id=run.id, goal="margin", margin=0.02),
        lambda run: Tracing(run_id=run.id, sparsities=(0.0, 0.5, 1.0), image=digits()[0][5]),
        lambda run: Profiling(run_id=run.id, pruning=PruningConfig(criterion="wanda")),
        lambda run: Profiling(run_id=run.id, pruning=PruningConfig(criterion="obs", scope="layerwise")),
        lambda run: Fitting(run_id=run.id, sparsity=0.5),
    ],
    ids=["point", "ledger", "rounding", "search", "trace", "wanda", "obs", "pattern"],
)
def test_every_question_about_a_run_is_answered(job: Any, whole: tuple[Path, Run]) -> None:
    root, run = whole
    asked = job(run)
    answer = perform(asked, root)
    assert isinstance(answer, asked.result)
    if asked.kept is not None:
        assert Results(RunStore(root)).get(asked) is not None


def test_it_is_timed_by_onnx_runtime_alone(whole: tuple[Path, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.engine.timing.ROUNDS", 3)
    times = perform(Timing(run_id=whole[1].id, sparsity=0.5), whole[0])
    assert times.variants == BROUGHT and times.batches == (1, 16)
    assert Results(RunStore(whole[0])).get(Timing(run_id=whole[1].id, sparsity=0.5)) == times


def test_the_first_feature_maps_are_small_and_answers_those_of_the_profile(whole: tuple[Path, Run]) -> None:
    root, run = whole
    store = RunStore(root)
    profile, path = store.profile(run.id, PRUNING), store.file(run.id, PICTURES)
    assert profile is not None and path is not None
    pictures = in_order(data.zipped.pool_of_zip(path, "digits"))
    trace = perform(Tracing(run_id=run.id, sparsities=tuple(profile.sparsity.tolist()), image=pictures[7]), root)
    assert trace.maps.shape[1:] == (8, 8, 8) and np.array_equal(trace.predicted, profile.predicted[:, 7])


@pytest.mark.parametrize("pruning", [PRUNING, REFIT], ids=str)
def test_what_is_taken_home_is_the_same_graph(
    pruning: PruningConfig, whole: tuple[Path, Run], files: tuple[bytes, bytes], tmp_path: Path
) -> None:
    root, run = whole
    export = perform(Exporting(run_id=run.id, pruning=pruning, sparsity=0.5), root)
    assert {*export.files} == {
        "pruned.onnx", "masks.safetensors", "network.plab", "compact.py", "restore.py", "MODEL_CARD.md"
    }  # fmt: skip
    before, after = (ModelProto.FromString(content) for content in (files[0], export.files["pruned.onnx"]))
    checker.check_model(after)
    assert [(node.op_type, [*node.input], [*node.output]) for node in before.graph.node] == [
        (node.op_type, [*node.input], [*node.output]) for node in after.graph.node
    ]
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in after.graph.initializer}
    old = {tensor.name: numpy_helper.to_array(tensor) for tensor in before.graph.initializer}
    masks = load(export.files["masks.safetensors"])
    assert {*masks} == {*kernels(RunStore(root).weights(run.id))}
    for name, mask in masks.items():
        assert not held[name][~mask].any() and (pruning.repaired or np.array_equal(held[name][mask], old[name][mask]))
    same = {name for name in old if name not in masks and np.array_equal(old[name], held[name])}
    assert (same == {*old} - {*masks}) == (not pruning.repaired)
    assert sum(int((~mask).sum()) for mask in masks.values()) == round(0.5 * run.weights)
    assert run.id in export.files["MODEL_CARD.md"].decode() and "digits.onnx" in export.files["MODEL_CARD.md"].decode()
    assert all(sentence.endswith(".") for sentence in export.checked)


def test_its_panels_are_drawn(parted: tuple[Path, Run]) -> None:
    """Of the first images alone, by the server or by a worker alike."""
    root, run = parted
    results = Results(RunStore(root))
    perform(Weighing(run_id=run.id), root)
    for part in ("pruning", "answers", "classwise", "wall", "storage"):
        asked = Drawing(run_id=run.id, weights=results.runs.digest(run.id), pruning=PRUNING, part=part, images=64)
        assert perform(asked, root) == draw(results, asked) and len(draw(results, asked)) > 1000
    with pytest.raises(PruningError, match="no convolution"):
        draw(results, Drawing(run_id=run.id, weights="", pruning=PRUNING, layer="none"))


def test_criteria_and_repairs_that_a_graph_does_not_allow_are_refused_by_a_sentence(whole: tuple[Path, Run]) -> None:
    root, run = whole
    with pytest.raises(PruningError, match="needs the gradient of the loss"):
        perform(Profiling(run_id=run.id, pruning=PruningConfig(criterion="taylor")), root)


def test_other_pictures_are_not_taken_for_those_of_the_run(
    files: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRUNELAB_DATASETS", str(tmp_path / "sets"))
    write_pictures(tmp_path / "sets" / "digits")
    root = tmp_path / "runs"
    file = uploads.put(RunStore(root), files[0])
    found: Prepared = perform(Finding(upload=file, place="digits"), root)
    assert found.data == pools.opened("digits").id and found.aside == 159
    config = Brought(name="digits.onnx", file=file, data=found.data, reading=found.found.best.reading)
    run: Run = perform(Bringing(config=config), root)
    assert perform(Evaluating(run_id=run.id, sparsity=0.3), root).images == run.images
    next((tmp_path / "sets" / "digits" / "3").iterdir()).unlink()
    with pytest.raises(DataError, match="has changed"):
        perform(Evaluating(run_id=run.id, sparsity=0.31), root)
    with pytest.raises(DataError):
        perform(Bringing(config=replace(config, name="again.onnx")), root)


def test_what_was_uploaded_can_be_forgotten_and_is_asked_for_again(files: tuple[bytes, bytes], tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    file, archive = uploads.put(store, files[0]), uploads.put(store, files[1])
    perform(Finding(upload=file, place="digits", pictures=archive), tmp_path)
    assert len([*(tmp_path / "uploads").iterdir()]) == 3
    uploads.drop(store, file)
    uploads.drop(store, archive)
    assert not [*(tmp_path / "uploads").iterdir()]
    with pytest.raises(StoreError, match="upload it again"):
        perform(Looking(upload=file), tmp_path)


def test_a_network_for_other_classes_is_refused_before_anything_is_kept(
    files: tuple[bytes, bytes], tmp_path: Path
) -> None:
    write_pictures(tmp_path / "few", names="0012345678")
    store = RunStore(tmp_path / "runs")
    file, archive = uploads.put(store, files[0]), uploads.put(store, zipped(tmp_path / "few"))
    with pytest.raises(NetworkError, match="The data set has 9 classes"):
        perform(Finding(upload=file, place="few", pictures=archive), tmp_path / "runs")
    assert not [run for run in RunStore(tmp_path / "runs").runs() if run.brought]


def test_parts_of_different_stops_are_not_joined(parted: tuple[Path, Run]) -> None:
    root, run = parted
    part = Results(RunStore(root)).get(Measuring(run_id=run.id, number=0))
    assert part is not None
    other = Part(part.names, {**part.arrays, "k": part.arrays["k"] + 1})
    with pytest.raises(StoreError, match="different stops"):
        Part.joined([part, other])
