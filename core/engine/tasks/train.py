"""Train a network, and evaluate it over the stops."""

from functools import partial

from core.engine.inference import Classifier
from core.engine.machine import described, versions
from core.engine.tasks import task
from core.engine.training import train as train_network
from core.engine.work import Work
from core.evaluation.parts import compute
from core.progress import Progress
from core.pruning import PruningConfig, rank
from core.run import Run, Training, timestamp


@task(Training)
def train(job: Training, work: Work) -> Run:
    """Train, profile over the stops (magnitude, global), and store both as one run, or nothing at all."""
    config, source = job.config, work.data(job.config)
    trained = train_network(config, source.data, on_progress=work.on_progress, should_stop=work.should_stop)
    test, design = source.data.test, config.design(source.data.problem)
    classifier, weights = Classifier(design, test.images), trained.weights
    profile = compute(
        weights,
        rank(weights, PruningConfig()),
        partial(classifier.infer, on_batch=work.check),
        test.labels,
        on_stop=lambda done, of: work.say(Progress("evaluating", done, of, epochs=trained.history, unit=job.unit)),
    )
    run = Run(
        config=config,
        created=timestamp(),
        seconds=trained.seconds,
        versions=versions(),
        machine=described(),
        data_md5=source.md5,
        classes=source.data.classes,
        shape=source.data.shape,
        history=trained.history,
        owner=job.owner,
    )
    return work.store.save(run, trained.weights, test.labels, profile)
