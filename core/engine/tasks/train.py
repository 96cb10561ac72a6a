"""Train a network, and evaluate it over the stops."""

from functools import partial

import numpy as np

from core.config import RunConfig
from core.data import Dataset, split
from core.engine.inference import Classifier
from core.engine.machine import THREADS, described, versions
from core.engine.tasks import task
from core.engine.training import Trained
from core.engine.training import train as train_network
from core.engine.work import Work
from core.errors import StoreError
from core.evaluation.parts import compute
from core.progress import Progress
from core.pruning import PruningConfig, Weights, rank
from core.run import Network, Run, Training, start_of, teacher_of, timestamp


@task(Network)
def network(job: Network, work: Work) -> Weights:
    """Train a network alone; on one thread, so that any number of workers gets the same bits."""
    return trained(job.config, work.data(job.config).data, work, threads=1).weights


@task(Training)
def train(job: Training, work: Work) -> Run:
    """Train, profile over the stops (magnitude, global), and store both as one run, or nothing at all."""
    config, source = job.config, work.data(job.config)
    result = trained(config, source.data, work, threads=THREADS)
    test, design = source.data.test, config.design(source.data.problem)
    classifier, weights = Classifier(design, test.images), result.weights
    profile = compute(
        weights,
        rank(weights, PruningConfig()),
        partial(classifier.infer, on_batch=work.check),
        test.labels,
        on_stop=lambda done, of: work.say(Progress("evaluating", done, of, epochs=result.history, unit=job.unit)),
    )
    run = Run(
        config=config,
        created=timestamp(),
        seconds=result.seconds,
        versions=versions(),
        machine=described(),
        data_md5=source.md5,
        classes=source.data.classes,
        shape=source.data.shape,
        history=result.history,
        owner=job.owner,
    )
    return work.store.save(run, result.weights, test.labels, profile)


def trained(config: RunConfig, data: Dataset, work: Work, *, threads: int) -> Trained:
    """Train, from and with the networks that this needs."""
    return train_network(
        config,
        data,
        start=_needed(start_of(config), work),
        teacher=_teacher(config, data, work),
        on_progress=work.on_progress,
        should_stop=work.should_stop,
        threads=threads,
    )


def _needed(config: RunConfig | None, work: Work) -> Weights | None:
    """The network of a configuration, which was trained before; None if none is needed."""
    if config is None:
        return None
    weights = work.results.get(Network(config=config))
    if weights is None:
        raise StoreError("A network that this training needs was removed in the meantime; ask for the training again.")
    return weights


def _teacher(config: RunConfig, data: Dataset, work: Work) -> np.ndarray | None:
    """The logits of the teacher for the training images; None if there is no teacher."""
    teacher = teacher_of(config)
    weights = _needed(teacher, work)
    if teacher is None or weights is None:
        return None
    images = split(data.train, config.data)[0].images
    return Classifier(teacher.design(data.problem), images).infer(weights, on_batch=work.check)
