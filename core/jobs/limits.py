"""The host's limits: whether training is on, how many jobs at once, how many networks per visitor, and how long."""

import math
import threading
import time
from dataclasses import dataclass
from typing import Any

from core.errors import JobError
from core.job import Job

_HOUR = 3600  # seconds


@dataclass(frozen=True)
class Limits:
    """The host's limits.

    Attributes:
        queue: jobs that may run or wait at once; background jobs do not count.
        training: whether training is switched on.
        allowance: how many networks each visitor may train.
        longest: seconds after which a job that trains is stopped.
    """

    queue: int
    training: bool
    allowance: "Allowance"
    longest: float = math.inf

    def check_training(self) -> None:
        """Raise JobError if training is switched off."""
        if not self.training:
            raise JobError("Training is switched off on this server; look at the existing runs.")

    def check_room(self, active: int) -> None:
        """Raise JobError if this many active jobs fill the queue."""
        if active >= self.queue:
            raise JobError(f"The queue is full ({active} jobs); try again when one is done.")

    def too_long(self, job: Job[Any]) -> str:
        """Why a job that trained for too long was stopped."""
        took = f"The {job.noun} took over {math.ceil(self.longest / 60)} min"
        return f"{took}, the longest that this server allows; {job.too_long}."


class Allowance:
    """The networks that each visitor has asked to train or retrain within the last hour. Safe to use from any thread.

    Each network of a job that trains counts as one: a training, a comparison of weights and filters, an audit, a study.
    Visitors without a cookie count as one.
    """

    def __init__(self, per_hour: int | None) -> None:
        """Allow each visitor this many; None for any number."""
        self._most, self._lock = per_hour, threading.Lock()
        self._asked = dict[str | None, list[float]]()

    def take(self, owner: str | None, networks: int = 1) -> None:
        """Count the networks that a visitor asks for.

        Raises:
            JobError: it would be too many; none of them is counted.
        """
        now = time.monotonic()  # the clock may be set back
        with self._lock:
            lately = {who: [when for when in asked if now - when < _HOUR] for who, asked in self._asked.items()}
            self._asked = {who: asked for who, asked in lately.items() if asked}
            asked = self._asked.get(owner, [])
            if networks and self._most is not None and len(asked) + networks > self._most:
                raise JobError(_refusal(asked, networks, self._most, now))
            if networks:
                self._asked[owner] = asked + networks * [now]


def _refusal(asked: list[float], networks: int, most: int, now: float) -> str:
    allowed = f"the {'one training' if most == 1 else f'{most} trainings'} within an hour that this server allows"
    if networks > most:
        return (
            f"This trains {networks} networks, more than {allowed} a visitor; look at the existing results, or ask the "
            "server's host for more."
        )
    also = "" if networks == 1 else f", and this would be {networks} more"
    minutes = math.ceil((asked[len(asked) + networks - most - 1] + _HOUR - now) / 60)
    used = allowed if most == 1 else f"{len(asked)} of {allowed}"
    return f"You have asked for {used}{also}; ask again in {minutes} min, or look at the existing runs."
