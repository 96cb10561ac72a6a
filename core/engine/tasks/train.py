"""Train a network, and evaluate it over the stops."""

from core.engine.machine import described, versions
from core.engine.tasks import task
from core.engine.tasks.profile import Judge
from core.engine.training import train as train_network
from core.engine.work import Work
from core.pruning import PruningConfig, rank
from core.run import Run, Training, timestamp


@task(Training)
def train(job: Training, work: Work) -> Run:
    """Train, profile over the stops (magnitude, global), and store both as one run, or nothing at all."""
    config, source = job.config, work.data(job.config)
    trained = train_network(config, source.data, on_progress=work.on_progress, should_stop=work.should_stop)
    test, design = source.data.test, config.design(source.data.problem)
    judge = Judge(design, test.images, work, trained.history)
    profile = judge.profile(trained.weights, rank(trained.weights, PruningConfig()), test.labels)
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
