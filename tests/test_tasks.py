"""The workers' tasks: all or nothing, the same bits again, and nothing about whose machine it was."""

import getpass
import json
import os
from pathlib import Path

import numpy as np
import pytest

from core.config import Design
from core.data import split
from core.engine import tasks
from core.engine.inference import Classifier
from core.engine.statistics import gradients
from core.engine.work import Source
from core.errors import ConfigError, JobCancelled, StoreError, TrainingError
from core.evaluation.profile import FRACTIONS
from core.evaluation.trace import Tracing
from core.progress import Progress
from core.pruning import GRADIENTS, PruningConfig, prune, rank
from core.run import Run, Training
from core.store.runs import RunStore
from tests import tiny

CONFIG = tiny.config(epochs=2)
LAYERWISE = PruningConfig(scope="layerwise")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    root = tmp_path_factory.mktemp("runs")
    tiny.train(CONFIG, root=root, owner="ann")
    return RunStore(root)


@pytest.fixture(scope="module")
def run(store: RunStore) -> Run:
    return store.get(CONFIG.run_id)


def test_a_training_ends_with_the_run_and_its_default_profile(store: RunStore, run: Run) -> None:
    assert run.owner == "ann" and len(run.history) == 2 and run.seconds > 0
    assert run.data_md5 == tiny.source().md5
    profile = store.profile(run.id, PruningConfig())
    assert profile is not None and profile.sparsity.tolist() == list(FRACTIONS)
    assert (store.labels(run.id) == tiny.source().data.test.labels).all()
    assert run.right == (profile.predicted[0] == store.labels(run.id)).sum() > 100


def test_a_stored_row_is_what_the_pruned_weights_answer(store: RunStore, run: Run) -> None:
    weights, profile = store.weights(run.id), store.profile(run.id, PruningConfig())
    assert profile is not None
    classifier, ranking = Classifier(Design("lenet"), tiny.source().data.test.images), rank(weights, PruningConfig())
    for index in (0, 20, 35):
        logits = classifier.infer(prune(weights, ranking, FRACTIONS[index]))
        assert np.array_equal(profile.predicted[index], logits.argmax(1))


def test_the_same_configuration_gives_the_same_bits_whatever_ran_before(
    store: RunStore, run: Run, tmp_path: Path
) -> None:
    tiny.train(tiny.config(seed=3), root=tmp_path)
    tiny.train(CONFIG, root=tmp_path)
    again, weights = RunStore(tmp_path).weights(run.id), store.weights(run.id)
    assert all(np.array_equal(again[name], weights[name]) for name in weights)


def test_progress_goes_from_loading_over_training_to_evaluating(tmp_path: Path) -> None:
    seen: list[Progress] = []
    tiny.train(tiny.config(), root=tmp_path, on_progress=seen.append)
    phases = [progress.phase for progress in seen]
    assert phases[0] == "loading" and phases[-1] == "evaluating"
    assert (seen[-1].done, seen[-1].of, len(seen[-1].epochs)) == (len(FRACTIONS), len(FRACTIONS), 1)


def test_a_run_that_is_stored_is_not_trained_again(store: RunStore, run: Run) -> None:
    def nothing(name: str) -> Source:
        raise AssertionError("the data set was read")

    tasks.perform(Training(config=CONFIG, owner="bob"), store.root, source=nothing)
    assert store.get(run.id).owner == "ann"


@pytest.mark.parametrize(("phase", "epochs"), [("training", 100), ("evaluating", 1)])
def test_a_training_that_is_stopped_leaves_nothing(tmp_path: Path, phase: str, epochs: int) -> None:
    seen: list[str] = []
    with pytest.raises(JobCancelled):
        tiny.train(
            tiny.config(epochs),
            root=tmp_path,
            on_progress=lambda progress: seen.append(progress.phase),
            should_stop=lambda: phase in seen,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="diverged"):
        tiny.train(tiny.diverging(), root=tmp_path)
    with pytest.raises(ConfigError, match="There is no network"):
        tiny.train(tiny.unknown(), root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_profile_and_a_point_agree_with_each_other(store: RunStore, run: Run) -> None:
    tiny.profile(run.id, LAYERWISE, root=store.root)
    tiny.point(run.id, LAYERWISE, 0.5, root=store.root)
    profile, point = store.profile(run.id, LAYERWISE), store.point(run.id, LAYERWISE, 0.5)
    assert profile is not None and point is not None
    index = profile.stop_index(50)
    assert np.array_equal(point.predicted[0], profile.predicted[index])
    assert point.k[0] == profile.k[index] and point.loss[0] == profile.loss[index]


def test_a_criterion_that_needs_the_gradient_has_it_computed_once_on_the_validation_images(
    store: RunStore, run: Run
) -> None:
    rule, weights = PruningConfig(criterion="taylor"), store.weights(run.id)
    assert store.statistic(run.id, GRADIENTS) is None
    tiny.profile(run.id, rule, root=store.root)
    slopes, profile = store.statistic(run.id, GRADIENTS), store.profile(run.id, rule)
    assert slopes is not None and profile is not None
    validation = split(tiny.source().data.train, CONFIG.data)[1]
    again = gradients(Design("lenet"), weights, validation)
    assert all(np.array_equal(slopes[name], again[name]) for name in again)
    pruned = prune(weights, rank(weights, rule, slopes), 0.5)
    predicted = Classifier(Design("lenet"), tiny.source().data.test.images).infer(pruned).argmax(1)
    assert np.array_equal(profile.predicted[profile.stop_index(50)], predicted)

    file = store.root / run.id / "profiles" / "gradients.safetensors"
    state = file.stat().st_mtime_ns
    tiny.point(run.id, rule, 0.333, root=store.root)
    assert file.stat().st_mtime_ns == state
    image = tiny.source().data.test.images[0]
    trace = tasks.perform(Tracing(run_id=run.id, pruning=rule, sparsities=(0.0, 0.5), image=image), store.root)
    assert trace.predicted.tolist() == [profile.predicted[0, 0], profile.predicted[profile.stop_index(50), 0]]


def test_a_profile_of_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no run"):
        tiny.profile("0123456789ab", LAYERWISE, root=tmp_path)


def test_a_run_says_on_what_it_was_made_but_not_on_which_machine_or_by_whom(store: RunStore, run: Run) -> None:
    assert set(run.versions) == {"python", "torch", "numpy", "format"}
    assert set(run.machine) == {"processor", "threads", "device", "bfloat16"}
    values = json.loads((store.root / run.id / "run.json").read_text())
    text = json.dumps({key: values[key] for key in ("versions", "machine", "data_md5")})
    for secret in (os.uname().nodename, str(Path.home()), str(store.root)):
        assert secret not in text
    assert f'"{getpass.getuser()}"' not in text
