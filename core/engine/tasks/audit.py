"""The readings of the student report's claim, on one network. With one thread, like everything in a study."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from core.config import Design
from core.data import Split
from core.engine.inference import Classifier
from core.engine.machine import described, reproducible, versions
from core.engine.models import loaded, normalise
from core.engine.tasks import task
from core.engine.tasks.study import dense
from core.engine.work import Work
from core.evaluation import Proportion, accuracy
from core.pruning import Weights, kernels, prune, rank
from core.run import timestamp
from core.study.audit import READINGS, Audit, Auditing, Finding, Reading

_BATCH = 250  # images


@task(Auditing)
def audit(job: Auditing, work: Work) -> Audit:
    """Try every reading on one network."""
    weights = dense(job, work)
    data = work.data(job.config).data
    design = job.config.design(data.problem)
    findings = {
        reading.name: find(design, job.config.seed, weights, data.test, reading, work.check)
        for reading in work.each(READINGS)
    }
    return Audit(
        config=job.config,
        findings=findings,
        created=timestamp(),
        versions=versions(),
        machine={**described(), "threads": 1},
        weights=work.of or "",
    )


def find(
    design: Design, seed: int, weights: Weights, test: Split, reading: Reading, on_batch: Callable[[], object]
) -> Finding:
    """The result of one reading: the dense and the pruned network get different random numbers from the seed."""
    part = {name: w for name, w in kernels(weights).items() if name.startswith(reading.only)}
    ranking = rank(part, reading.pruning)
    pruned = {**weights, **prune(part, ranking, reading.sparsity)}
    random = np.random.default_rng(seed)
    answer = partial(_accuracy, design, test, reading, random, on_batch)
    return Finding(ranking.count(reading.sparsity), answer(weights), answer(pruned))


def _accuracy(
    design: Design,
    test: Split,
    reading: Reading,
    random: np.random.Generator,
    on_batch: Callable[[], object],
    weights: Weights,
) -> Proportion:
    if reading.subset:
        chosen = random.choice(len(test), min(reading.subset, len(test)), replace=False)
        test = Split(test.images[chosen], test.labels[chosen])
    if reading.dropout:
        answers = _with_dropout(design, weights, test.images, reading.dropout, random, on_batch)
    else:
        answers = Classifier(design, test.images).infer(weights, on_batch=on_batch, threads=1).argmax(axis=1)
    return accuracy(test.labels, answers)


def _with_dropout(
    design: Design,
    weights: Weights,
    images: np.ndarray,
    share: float,
    random: np.random.Generator,
    on_batch: Callable[[], object],
) -> np.ndarray:
    """Answers (n,) of a network that drops a share of each fully connected layer's inputs, and scales up the others."""
    generator, answers = torch.Generator().manual_seed(int(random.integers(2**31))), []
    with reproducible(threads=1), torch.inference_mode():
        model = loaded(design, weights)
        with _dropping(model, share, generator):
            for batch in torch.tensor(images).split(_BATCH):
                on_batch()
                answers.append(model(normalise(batch)).argmax(1))
    return np.asarray(torch.cat(answers).numpy())


@contextmanager
def _dropping(model: nn.Module, share: float, generator: torch.Generator) -> Iterator[None]:
    def drop(module: nn.Module, given: tuple[Tensor]) -> Tensor:
        kept = torch.rand(given[0].shape, generator=generator) >= share
        return given[0] * kept / (1 - share)

    hooks = [m.register_forward_pre_hook(drop) for m in model.modules() if isinstance(m, nn.Linear)]
    yield
    for hook in hooks:
        hook.remove()
