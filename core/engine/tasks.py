"""What the workers do: train a network, evaluate it over the stops or once, weigh it, compute a part of a study."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from core.config import Design, PruningConfig, RunConfig
from core.cost.encodings import rounded
from core.cost.ledger import ROUNDED
from core.cost.times import BATCHES
from core.cost.weighing import weigh
from core.engine.audit import audit as audit
from core.engine.export import export as export
from core.engine.gradients import known_gradients
from core.engine.inference import Classifier, Viewer
from core.engine.machine import described, versions
from core.engine.search import search as search
from core.engine.source import GetSource, OnProgress, ShouldStop, Source, check, loaded, official, ranked
from core.engine.study import cell as cell
from core.engine.study import network as network
from core.engine.timing import measure
from core.engine.tradeoff import tradeoff as tradeoff
from core.engine.training import train as train_network
from core.evaluation import Comparison, compare
from core.evaluation.profile import Profile, compute, stops
from core.evaluation.trace import Trace
from core.evaluation.trace import compute as compute_trace
from core.progress import Epoch, Progress, Unit
from core.pruning import GRADIENT_CRITERIA, Weights, kernels, prune, rank
from core.store.ledgers import LedgerStore
from core.store.runs import Run, RunStore, digest, now


def train(
    config: RunConfig,
    *,
    root: Path | str,
    owner: str | None = None,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """Train a network, profile it over the stops (magnitude, global), and store both as one run, or nothing at all.

    Raises:
        DataError, ConfigError, TrainingError, PruningError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    store = RunStore(root)
    if store.has(config.run_id):
        return
    found = loaded(source, config, store, on_progress)
    trained = train_network(config, found.data, on_progress=on_progress, should_stop=should_stop)
    labels = found.data.test.labels
    judge = _Judge(config.design(found.data.problem), found.data.test.images, trained.history, on_progress, should_stop)
    profile = judge.profile(trained.weights, PruningConfig(), labels)
    run = Run(
        config=config,
        created=now(),
        seconds=trained.seconds,
        versions=versions(),
        machine=described(),
        data_md5=found.md5,
        classes=found.data.classes,
        shape=found.data.shape,
        history=trained.history,
        owner=owner,
    )
    store.save(run, trained.weights, labels, profile)


def profile(
    run_id: str,
    pruning: PruningConfig,
    *,
    root: Path | str,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """Evaluate a stored run over the stops and store the table; raises as `train` does."""
    store = RunStore(root)
    found = loaded(source, store.get(run_id).config, store, on_progress)
    judge = _judge(store, run_id, on_progress, should_stop, found)
    weights, labels = store.weights(run_id), store.labels(run_id)
    slopes = known_gradients(store, run_id, pruning, found.data.train, partial(check, should_stop))
    store.save_profile(run_id, judge.profile(weights, pruning, labels, slopes), digest(weights))


def point(
    run_id: str,
    pruning: PruningConfig,
    sparsity: float,
    *,
    root: Path | str,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """Evaluate a stored run at one sparsity and store the row; raises as `train` does."""
    store = RunStore(root)
    found = loaded(source, store.get(run_id).config, store, on_progress)
    judge = _judge(store, run_id, on_progress, should_stop, found)
    weights, labels = store.weights(run_id), store.labels(run_id)
    slopes = known_gradients(store, run_id, pruning, found.data.train, partial(check, should_stop))
    row = judge.profile(weights, pruning, labels, slopes, (sparsity,))
    store.save_point(run_id, row, digest(weights))


def ledger(
    run_id: str,
    pruning: PruningConfig,
    sparsity: float | None = None,
    *,
    root: Path | str,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
) -> None:
    """Write a stored run's kernels down in every way, over the stops or at one sparsity, and store what they take.

    Raises:
        PruningError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    store = RunStore(root)
    weights = store.weights(run_id)
    slopes = store.gradients(run_id) if pruning.criterion in GRADIENT_CRITERIA else None
    ranking, unit = rank(weights, pruning, slopes), _unit(sparsity)

    def on_stop(done: int, of: int) -> None:
        check(should_stop)
        on_progress(Progress("evaluating", done, of, unit=unit))

    found = weigh(weights, ranking, stops(ranking) if sparsity is None else (sparsity,), on_stop)
    LedgerStore(store).save(run_id, pruning, found, sparsity, of=digest(weights))


def rounding(
    run_id: str,
    pruning: PruningConfig,
    sparsity: float,
    *,
    root: Path | str,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """Compare the answers of a stored run, pruned, with those of its kernels as float16 and int8, and store the counts.

    Raises:
        DataError, PruningError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    store = RunStore(root)
    of = ranked(store, run_id, pruning, source, on_progress, should_stop)
    pruned, test = prune(of.weights, of.ranking, sparsity), of.data.test
    classifier = Classifier(of.run.design, test.images)

    def answers(to: str | None = None) -> np.ndarray:
        written = pruned if to is None else pruned | {name: rounded(w, to) for name, w in kernels(pruned).items()}
        return np.asarray(classifier.infer(written, on_batch=partial(check, should_stop)).argmax(axis=1))

    exact, found = answers(), dict[str, Comparison]()
    for done, to in enumerate(ROUNDED, 1):
        found[to] = compare(test.labels, exact, answers(to))
        on_progress(Progress("evaluating", done, len(ROUNDED), unit="number type"))
    LedgerStore(store).save_rounding(run_id, pruning, sparsity, found, of=digest(of.weights))


def timing(
    run_id: str,
    pruning: PruningConfig,
    sparsity: float,
    *,
    root: Path | str,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """Time a stored run, dense and pruned, and store the rounds; raises as `rounding` does."""
    store = RunStore(root)
    subject = ranked(store, run_id, pruning, source, on_progress, should_stop)
    pruned, images = prune(subject.weights, subject.ranking, sparsity), subject.data.test.images

    def on_round(done: int, of: int) -> None:
        check(should_stop)
        on_progress(Progress("evaluating", done, of, unit="round", at_most=True))

    enough = np.resize(images, (max(BATCHES), *images.shape[1:]))
    times = measure(subject.run.design, subject.weights, pruned, enough, on_round)
    LedgerStore(store).save_times(run_id, pruning, sparsity, times, of=digest(subject.weights))


def trace(
    run_id: str, pruning: PruningConfig, sparsities: tuple[float, ...], image: np.ndarray, *, root: Path | str
) -> Trace:
    """What a stored run answers to one uint8 image of its data set's shape at each sparsity; stores nothing.

    Raises:
        StoreError, PruningError: with a sentence for the visitor.
    """
    store = RunStore(root)
    viewer = Viewer(store.get(run_id).design, image)
    slopes = store.gradients(run_id) if pruning.criterion in GRADIENT_CRITERIA else None
    return compute_trace(store.weights(run_id), pruning, sparsities, viewer.look, slopes)


def _judge(store: RunStore, run_id: str, on_progress: OnProgress, should_stop: ShouldStop, source: Source) -> "_Judge":
    run = store.get(run_id)
    return _Judge(run.design, source.data.test.images, run.history, on_progress, should_stop)


@dataclass(frozen=True, eq=False)
class _Judge:
    """Evaluates weights on the test images, reports each stop, and stops between two batches if asked to."""

    design: Design
    images: np.ndarray
    epochs: tuple[Epoch, ...]
    on_progress: OnProgress
    should_stop: ShouldStop

    def profile(
        self,
        weights: Weights,
        pruning: PruningConfig,
        labels: np.ndarray,
        gradients: Weights | None = None,
        sparsities: tuple[float, ...] | None = None,
    ) -> Profile:
        classifier = Classifier(self.design, self.images)
        return compute(
            weights,
            pruning,
            lambda pruned: classifier.infer(pruned, on_batch=partial(check, self.should_stop)),
            labels,
            sparsities=sparsities,
            gradients=gradients,
            on_stop=partial(self._report, _unit(sparsities)),
        )

    def _report(self, unit: Unit, done: int, of: int) -> None:
        self.on_progress(Progress("evaluating", done, of, epochs=self.epochs, unit=unit))


def _unit(own: object) -> Unit:
    """What is gone through: the stops of the slider or, if given, sparsities of a visitor's own."""
    return "stop" if own is None else "sparsity"
