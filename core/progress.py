"""What a training reports while it runs and keeps when it ends. Standard library only: jobs and pages read it."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["loading", "training", "evaluating"]

Unit = Literal["stop", "sparsity", "round", "evaluation", "reading", "number type", "step"]
"""What a job counts, in the singular."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images.

    Training loss and accuracy are averages over the augmented images of the pass that were not skipped, each counted
    once. The validation figures belong to the weights at its end (in the last epoch: the weights that are stored), in
    the arithmetic of the training: bfloat16 where the hardware has it. Losses are mean cross-entropies in nats
    without label smoothing; accuracies are fractions; `seconds` includes the validation.
    """

    number: int
    seconds: float
    loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class Progress:
    """The progress of a job: `done` of `of` units and, for a training, recent speed and loss and the finished epochs.

    The speed and the time left are 0 and None until two steps are done: the first takes longer than any other.
    `at_most` means that it may end earlier, as a search does. `layers` says how many layers, and of how many, are done
    of the repair within the unit that is next.
    """

    phase: Phase
    done: int
    of: int
    images_per_second: float = 0.0
    seconds_left: float | None = None
    loss: float | None = None
    epochs: tuple[Epoch, ...] = ()
    unit: Unit = "step"
    at_most: bool = False
    layers: tuple[int, int] | None = None
