"""Train a network: same configuration and seed on the same machine, same bits."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import Compression, RunConfig, TrainingConfig
from core.data import Dataset, split
from core.engine import machine, optimizers
from core.engine.batches import Batches, steps_per_epoch
from core.engine.compressing import Compressor, Held, settled
from core.engine.inference import Classifier
from core.engine.models import build, get_weights, normalise, set_weights
from core.errors import ConfigError, JobCancelled, TrainingError
from core.progress import Epoch, Phase, Progress
from core.pruning import Weights, kernels

_REPORT_EVERY = 0.25  # seconds
_WARM_UP = 0.25  # share of the one-cycle schedule in which the learning rate rises
FINE = 0.3  # the highest learning rate of fine-tuning, as a share of the training's


@dataclass(frozen=True)
class Trained:
    """The result of `train`: float32 arrays in `state_dict` order, one `Epoch` per pass, and the seconds it took."""

    weights: dict[str, np.ndarray]
    history: tuple[Epoch, ...]
    seconds: float


@dataclass(frozen=True)
class Sparse:
    """The start of a retraining: weights, and a mask for each kernel (True: kept); the rest is held at zero."""

    weights: Weights
    masks: Mapping[str, np.ndarray]

    @classmethod
    def after(cls, pruned: Weights, start: Weights | None = None) -> "Sparse":
        """Keep the nonzero weights of `pruned`; they start from their values there or, if given, in `start`."""
        return cls(pruned if start is None else start, {name: w != 0 for name, w in kernels(pruned).items()})


def train(
    config: RunConfig,
    data: Dataset,
    *,
    on_progress: Callable[[Progress], object] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    start: Weights | None = None,
    sparse: Sparse | None = None,
    teacher: np.ndarray | None = None,
    until: int | None = None,
    threads: int = machine.THREADS,
) -> Trained:
    """Train a network on the training images of `data` less the validation split; the test images are not touched.

    `on_progress` is called about four times a second, `should_stop` at every step. `start` are weights to start from
    instead of new ones; `sparse` is such a start with masks that are held, and nothing is compressed further. `teacher`
    (n, classes) are the logits of the teacher for the n training images. `until` ends the training after this many of
    its epochs.

    Raises:
        ConfigError: there is no such network, or another one that the training needs is missing.
        JobCancelled: `should_stop` returned True.
        TrainingError: the loss became infinite or not a number.
    """
    settings = replace(config.training, compression=Compression()) if sparse else config.training
    how = settings.compression
    if (how.has_teacher and teacher is None) or (how.start == "dense" and start is None):
        raise ConfigError("This training needs another network, to start from or to learn from, which is missing.")
    training, validation = split(data.train, config.data)
    design = config.design(data.problem)
    watch = _Watch(sum(steps_per_epoch(settings, len(training))), on_progress, should_stop)

    with machine.reproducible(threads), machine.memory_kept():
        device = machine.device()
        images = torch.tensor(training.images, device=device)
        labels = torch.tensor(training.labels, dtype=torch.long, device=device)
        model = build(design, config.seed).to(device).to(memory_format=torch.channels_last)
        validator = Classifier(design, validation.images, _arithmetic(device))
        expected = torch.tensor(validation.labels, dtype=torch.long)
        if begin := sparse.weights if sparse else start:
            set_weights(model, begin)
        held = Held(model, sparse.masks if sparse else None)
        compressor = Compressor(model, how, held)
        judge = _Loss(settings, labels, None if teacher is None else torch.tensor(teacher, device=device))
        optimizer = optimizers.build(model, settings)
        batches = Batches(images, settings, torch.Generator().manual_seed(config.seed))
        losses = torch.zeros(len(images), device=device)  # of each image when it was last seen

        for number in range(1, (until or settings.epochs) + 1):
            began, answers = time.perf_counter(), list[Tensor]()
            drawn = batches.epoch(number, losses)
            for batch in drawn:
                done = watch.done / watch.of
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(settings, done)
                if compressor.is_due(done):
                    watch.look()  # what diverged cannot be ranked
                    compressor.prune(done)
                with compressor.rounded(done):
                    logits = _forward(model, batches.images(batch))
                    each = judge(logits, batch.at)
                    loss = (each * batch.shares).sum() / batch.shares.sum()
                    losses[batch.at] = each.detach()
                    optimizer.zero_grad()
                    loss.backward()
                held.gradients()
                optimizer.step()
                held.weights()
                answers.append(logits.detach())  # judged at the end, all at once
                watch.step(len(batch.at), loss.detach())

            watch.look()
            with compressor.rounded(watch.done / watch.of):
                validated = validator.infer(get_weights(model), on_batch=watch.check, threads=threads)
            seconds, seen = time.perf_counter() - began, labels[torch.cat([batch.at for batch in drawn])]
            trained, held_out = _judged(torch.cat(answers), seen), _judged(torch.tensor(validated), expected)
            watch.epochs.append(Epoch(number, seconds, *trained, *held_out))

    weights = get_weights(model)
    return Trained(
        settled(model, weights, how.bits) if how.rounds_weights else weights, tuple(watch.epochs), watch.seconds
    )


class _Loss:
    """The loss of each image of a batch: cross-entropy with its label and, if there is a teacher, with its answers.

    Hinton et al., "Distilling the knowledge in a neural network", 2015.
    """

    def __init__(self, settings: TrainingConfig, labels: Tensor, teacher: Tensor | None) -> None:
        """`labels` (n,) and the teacher's logits (n, classes) are of all training images."""
        self._labels, self._smoothing = labels, settings.label_smoothing
        self._taught, self._temperature = settings.compression.taught, settings.compression.temperature
        self._answers = None if teacher is None else (teacher / self._temperature).softmax(1)

    def __call__(self, logits: Tensor, batch: Tensor) -> Tensor:
        """(b,) of the images at the indices `batch` (b,), from their logits (b, classes)."""
        loss = F.cross_entropy(logits, self._labels[batch], label_smoothing=self._smoothing, reduction="none")
        if self._answers is None:
            return loss
        taught = F.cross_entropy(logits / self._temperature, self._answers[batch], reduction="none")
        return (1 - self._taught) * loss + self._taught * taught


def _forward(model: nn.Module, images: Tensor) -> Tensor:
    x = normalise(images)
    arithmetic = _arithmetic(x.device)
    with torch.autocast(x.device.type, arithmetic, enabled=arithmetic != torch.float32):
        logits: Tensor = model(x)
    return logits.float()


def _arithmetic(device: torch.device) -> torch.dtype:
    return torch.bfloat16 if machine.has_bfloat16(device) else torch.float32


def learning_rate(settings: TrainingConfig, done: float) -> float:
    """The rate when a share `done`, in [0, 1), of all steps is done: constant, or up and down in straight lines,
    and so again in each round of iterative pruning.

    One cycle: Smith and Topin, "Super-convergence", 2019.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    done = done * settings.compression.cycles % 1
    return settings.learning_rate * min((done + 1e-3) / _WARM_UP, (1 - done) / (1 - _WARM_UP))


def _judged(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """The mean loss of answers, and the share of correct ones."""
    return float(F.cross_entropy(logits, labels)), int((logits.argmax(1) == labels).sum()) / len(labels)


class _Watch:
    """Counts steps, reports progress at most four times a second, and checks whether to stop.

    The losses stay where the network is and are looked at when there is something to report, so that a step on an
    accelerator does not wait for the one before.
    """

    def __init__(self, of: int, on_progress: Callable[[Progress], object], should_stop: Callable[[], bool]) -> None:
        self.of, self.done, self.epochs = of, 0, list[Epoch]()
        self._on_progress, self._should_stop = on_progress, should_stop
        self._images, self._loss, self._losses = 0, 0.0, list[Tensor]()  # those not looked at yet
        self._began = self._reported = self._warm = time.perf_counter()
        on_progress(Progress("loading", 0, of))

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def step(self, images: int, loss: Tensor) -> None:
        """One step of training is done."""
        self.done += 1
        self._losses.append(loss)
        if self.done == 1:  # it takes much longer than the others, so it does not count for the speed
            self.look()
            self._warm = time.perf_counter()
        else:
            self._images += images
        self.check("training")

    def look(self) -> None:
        """Wait for the steps so far.

        Raises:
            TrainingError: the loss of one of them is infinite or not a number.
        """
        losses = torch.stack(self._losses).tolist() if self._losses else []
        for step, loss in enumerate(losses, self.done - len(losses) + 1):
            if not math.isfinite(loss):
                raise TrainingError(
                    f"The training diverged: in step {step:,} the loss became {loss}; lower the learning rate."
                )
            self._loss = loss
        self._losses.clear()

    def check(self, phase: Phase = "evaluating") -> None:
        """Raise JobCancelled if the training is to stop; report if it is time."""
        if self._should_stop():
            raise JobCancelled("The training was stopped; nothing was kept.")
        if time.perf_counter() - self._reported >= _REPORT_EVERY:
            self.look()
            self._reported = time.perf_counter()
            seconds = time.perf_counter() - self._warm
            speed = self._images / seconds
            left = seconds / (self.done - 1) * (self.of - self.done) if self.done > 1 else None
            self._on_progress(Progress(phase, self.done, self.of, speed, left, self._loss, tuple(self.epochs)))
