"""How a network's pictures are read, found by measuring: the reading under which most of some pictures are right.

Plausible readings race: all of them answer about a few pictures, and those that cannot catch up any more are left
behind before the next, larger round. So each row of the table says its own n.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.data.pool import Pictures
from core.engine.own.runtime import Runner, Sample
from core.errors import NetworkError
from core.evaluation import Proportion, accuracy
from core.own.found import Found, Tried
from core.own.reading import Pixels, Reading

ROUNDS, FEWER = (50, 150, 500), (20, 60, 200)
"""Pictures after each round, and after each for large images."""
_LARGE = 10_000  # pixels
_LEFT = {20: 12, 60: 4, 200: 4}  # readings, at most, that are left after so many large images
_PER_CLASS = 4  # pictures, from which on an order of the classes is looked for
MOST = ROUNDS[-1]


@dataclass(eq=False)
class _Racer:
    reading: Reading
    predicted: np.ndarray


def find(
    runner: Runner,
    readings: Sequence[Reading],
    pictures: Pictures,
    classes: int,
    on_round: Callable[[int, int], object] = lambda readings, images: None,
) -> Found:
    """Let readings race.

    Args:
        runner: the network; its first output has a number for each class.
        readings: from `core.own.reading.candidates`, the most common first.
        pictures: up to `MOST` of them, in random order.
        classes: how many.
        on_round: called with the number of readings and of pictures before each round.

    Raises:
        NetworkError: no reading can be run.
        DataError: a picture is damaged.
    """
    racing, left = [_Racer(reading, np.empty(0, np.int64)) for reading in readings], list[_Racer]()
    done, problem = 0, None
    for upto in _rounds(readings, len(pictures)):
        on_round(len(racing), upto)
        fitted = _fitted(racing, pictures, range(done, upto))
        for racer in [*racing]:
            try:
                new = _predicted(runner, racer.reading, fitted[racer.reading.frame])
                racer.predicted = np.concatenate([racer.predicted, new])
            except NetworkError as error:
                problem = problem or error
                racing.remove(racer)
        if not racing:
            assert problem is not None
            raise problem
        done = upto
        racing, behind = _ahead(racing, pictures.labels, classes)
        if _is_large(readings):  # where hardly any is right, none would be left behind
            most = _LEFT.get(upto, len(racing))
            racing, behind = racing[:most], [*racing[most:], *behind]
        left = behind + left
    ordered, reordered = [*racing, *left], _reordered(racing, pictures.labels, classes)
    if reordered is not None:
        ordered.sort(key=lambda racer: racer is not reordered[0])
    tried = tuple(Tried(racer.reading, _right(racer, pictures.labels)) for racer in ordered)
    return Found(tried, classes, reordered and reordered[1:])


def _rounds(readings: Sequence[Reading], pictures: int) -> list[int]:
    """How many pictures have been looked at after each round."""
    return sorted({min(n, pictures) for n in (FEWER if _is_large(readings) else ROUNDS)})


def _is_large(readings: Sequence[Reading]) -> bool:
    height, width = readings[0].size
    return height * width > _LARGE


def _fitted(racing: Sequence[_Racer], pictures: Pictures, indices: range) -> dict[object, list[Pixels]]:
    """Some pictures, each read once, as each frame has them."""
    frames = {racer.reading.frame: racer.reading for racer in racing}
    found: dict[object, list[Pixels]] = {frame: [] for frame in frames}
    for i in indices:
        picture = pictures.read(i)
        for frame, reading in frames.items():
            found[frame].append(reading.fitted(picture))
    return found


def _predicted(runner: Runner, reading: Reading, fitted: Sequence[Pixels]) -> np.ndarray:
    answers = [runner.run(batch)[0].reshape(len(batch), -1) for batch in Sample(tuple(fitted), reading)]
    return np.asarray(np.concatenate(answers).argmax(axis=1))


def _right(racer: _Racer, labels: np.ndarray) -> Proportion:
    return accuracy(labels[: len(racer.predicted)], racer.predicted)


def _ahead(racing: list[_Racer], labels: np.ndarray, classes: int) -> tuple[list[_Racer], list[_Racer]]:
    """Those whose interval reaches that of the best, perhaps in another order of the classes, and the others.

    Both have the best first.
    """
    ordered = sorted(racing, key=lambda racer: -_right(racer, labels).value)  # stable: the more common first
    least = _right(ordered[0], labels).low
    ahead = [racer for racer in ordered if _highest(racer, labels, classes) >= least]
    return ahead, [racer for racer in ordered if racer not in ahead]


def _highest(racer: _Racer, labels: np.ndarray, classes: int) -> float:
    matched = _matched(racer, labels, classes)
    return max(_right(racer, labels).high, matched[0].high if matched else 0.0)


def _reordered(
    racing: list[_Racer], labels: np.ndarray, classes: int
) -> tuple[_Racer, Proportion, tuple[int, ...]] | None:
    """The reading that is right most often in another order of the classes, if that is more than without."""
    matches = [(racer, *matched) for racer in racing if (matched := _matched(racer, labels, classes))]
    best = max(matches, key=lambda match: match[1].value, default=None)
    return best if best and best[1].low > _right(racing[0], labels).high else None


def _matched(racer: _Racer, labels: np.ndarray, classes: int) -> tuple[Proportion, tuple[int, ...]] | None:
    """The order of the classes under which most of every second picture is right, and its accuracy on the others.

    None of too few pictures.
    """
    labels, counts = labels[: len(racer.predicted)], np.zeros((classes, classes), np.int64)
    if len(labels) < _PER_CLASS * classes:
        return None
    np.add.at(counts, (racer.predicted[::2], labels[::2]), 1)
    order = linear_sum_assignment(-counts)[1]
    return accuracy(labels[1::2], order[racer.predicted[1::2]]), tuple(order.tolist())
