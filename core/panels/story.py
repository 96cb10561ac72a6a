"""What does the network say about one image? Its answers over all stops, and its first feature maps."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core import figures, picture
from core.evaluation.profile import DEFAULT_STOP, Profile
from core.evaluation.trace import Trace
from core.panels.base import Mark, Panel, Placed, Readout, marked, removed_readout, stop_texts
from core.words import repair, wording

_COLUMNS = 8
"""Feature maps side by side."""
_MOST_MAPS = 64
"""Feature maps that are shown; of a convolution with more, the first."""
_LARGEST = float(np.finfo(np.float16).max)


def story(trace: Trace, profile: Profile, classes: Sequence[str], true: int | None = None) -> Panel:
    """The panel of one image; `trace` has the profile's S stops, `true` is its class if that is known.

    A network without a convolution has no feature maps, and the panel no figure of them.
    """
    name = profile.pruning.repair
    names = [wording.isolated(name) for name in classes]
    placed = [
        Placed(figures.probabilities(trace.probability, classes, name), 5),
        Placed(figures.story(trace.probability, trace.sparsity, classes, name), 7),
    ]
    if of := trace.maps.shape[1]:
        sources, shape = _pictures(trace.maps[:, :_MOST_MAPS])
        some = f"{_MOST_MAPS} of {wording.count(of)}" if of > _MOST_MAPS else ""
        placed.append(Placed(figures.feature_maps(sources, shape, name, some), 12))
    return Panel(
        stops=stop_texts(profile),
        marks=_marks(trace, profile, names),
        answers=tuple(_answer(trace, stop, names, true, repair.network(name)) for stop in range(len(trace.sparsity))),
        warnings=("",) * len(trace.sparsity),
        readouts=_readouts(trace, profile, names),
        figures=tuple(placed),
    )


def _answer(trace: Trace, stop: int, classes: Sequence[str], true: int | None, network: str) -> str:
    before, after = trace.predicted[0], trace.predicted[stop]
    sentence = f"Dense and {network} network say {classes[after]}"
    if before != after:
        sentence = f"The dense network says {classes[before]}, the {network} one {classes[after]}"
    if true is None:
        return f"{sentence}."
    if before == after == true:
        return f"{sentence}, which is right."
    return f"{sentence}; the true class is {classes[true]}."


def _marks(trace: Trace, profile: Profile, classes: Sequence[str]) -> tuple[Mark, ...]:
    wanted = [(profile.stop_index(DEFAULT_STOP), "default")]
    if (flip := trace.flip) is not None:
        wanted.append((flip, f"first change, to {classes[trace.predicted[flip]]}"))
    return marked(profile, wanted)


def _readouts(trace: Trace, profile: Profile, classes: Sequence[str]) -> tuple[Readout, ...]:
    rows, name = range(len(trace.sparsity)), profile.pruning.repair
    guessing = f"of {math.log2(len(classes)):.2f} when guessing"
    flip = trace.flip
    dense = wording.bounded(trace.entropy[0], 2)
    change = "never" if flip is None else f"at {wording.sparsity(float(trace.sparsity[flip]))}"
    to = "it stays at every stop" if flip is None else f"to {classes[trace.predicted[flip]]}"
    return (
        removed_readout(profile),
        Readout("Dense answer", *zip(*(_best(trace.probability[0], classes) for _ in rows), strict=True)),
        Readout(
            f"{repair.network(name).capitalize()} answer",
            *zip(*(_best(p, classes) for p in trace.probability), strict=True),
        ),
        Readout(
            f"Entropy, {repair.networks(name)}",
            tuple(f"{dense} → {wording.bounded(bits, 2)} bits" for bits in trace.entropy),
            (guessing,) * len(rows),
        ),
        Readout("First change", (change,) * len(rows), (to,) * len(rows)),
    )


def _best(probability: NDArray[np.float32], classes: Sequence[str]) -> tuple[str, str]:
    first = int(probability.argmax())
    return classes[first], f"probability {wording.probability(float(probability[first]))}"


def _pictures(maps: NDArray[np.float16]) -> tuple[list[str], tuple[int, int]]:
    """(S, F, h, w) feature maps as a picture a stop (URIs) of that height and width."""
    values = np.nan_to_num(maps.astype(np.float32), posinf=_LARGEST)  # float16 may be too small for a brought network
    top = float(np.percentile(values[0], 99.5))  # white, so a single peak does not darken the rest
    grey = np.clip(values * (255 / (top if top > 0 else 1.0)), 0, 255).astype(np.uint8)
    grey = np.pad(grey, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=96)  # a line between two maps
    _, f, h, w = grey.shape
    columns = min(f, _COLUMNS)
    sheets, known = [], dict[bytes, str]()
    for stop in grey:
        key = stop.tobytes()
        if key not in known:
            known[key] = picture.url(picture.sheet(stop, columns))
        sheets.append(known[key])
    return sheets, (math.ceil(f / columns) * h, columns * w)
