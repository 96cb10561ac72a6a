"""What a view needs from the run store; a job computes what is missing."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import drawing
from core.cost.hardware import Fit
from core.cost.ledger import Ledger
from core.data.pool import Pictures
from core.drawing import Fitting
from core.errors import DataError, StoreError
from core.evaluation import Labels
from core.evaluation.answers import row_with
from core.evaluation.profile import Evaluating, Profile
from core.evaluation.repaired import Spreading
from core.networks import DEFAULT_NETWORK, NETWORKS
from core.pruning import AS_IS, REPAIRS, PruningConfig, Ranking, Weights
from core.run import Run
from core.words import repair, wording
from pages.ui.server.paths import served
from pages.ui.server.services import brought_pictures, class_names, engine, results, store, test_split
from pages.ui.view import address, rounds
from pages.ui.view.address import View
from pages.ui.view.watching import ensure


@dataclass(frozen=True)
class Stops:
    """The stops of a view. `own` is the visitor's sparsity (a fraction) if it lies between two of the usual stops."""

    profile: Profile
    row: int
    own: float | None = None

    @property
    def sparsity(self) -> float:
        """The sparsity of the chosen stop."""
        return float(self.profile.sparsity[self.row])

    @property
    def answers(self) -> Labels:
        """(n,) the answers at the chosen stop."""
        answers: Labels = self.profile.predicted[self.row]
        return answers

    def go(self, stop: int) -> None:
        """Move the view to a stop, from a panel's callback. A stop that does not exist is ignored."""
        if 0 <= stop < len(self.profile.sparsity):
            address.change(sparsity=address.percentage(float(self.profile.sparsity[stop])))


def panel_query(view: View, stops: Stops, **more: str) -> dict[str, str]:
    """The query that names the panel of a view, with the digest of the weights it is computed from.

    It names the other repairs that the panel shows too, so that it changes when one of them has been evaluated.
    """
    query = {"run": view.run.id, "weights": store().digest(view.run.id)[:12]}
    query |= {name: getattr(view.pruning, name) for name in ("criterion", "scope", "repair")}
    query |= {} if stops.own is None else {"own": address.percentage(stops.own)}
    query |= {} if stops.profile.images == view.run.images else {"images": str(stops.profile.images)}
    others = ",".join(other.repair for other in beside(view))
    job = spreading(view)
    spread = {"spread": "known"} if job is not None and results().get(job) is not None else {}
    return query | ({"beside": others} if others else {}) | spread | more


def spreading(view: View) -> Spreading | None:
    """The job that counts the refitted weights of a view; None if they are not refitted."""
    return Spreading(run_id=view.run.id, pruning=view.pruning) if view.pruning.followed_by.refits else None


def beside(view: View) -> list[PruningConfig]:
    """The other repairs of the view's pruned network that have been evaluated."""
    others = (view.pruning.then(name) for name in REPAIRS if name != view.pruning.repair)
    return [other for other in others if _evaluated(view.run.id, other)]


def _evaluated(run_id: str, pruning: PruningConfig) -> bool:
    try:
        return results().profile(run_id, pruning) is not None
    except StoreError:  # it is damaged, and is computed again when it is chosen
        return False


def profile(run_id: str, pruning: PruningConfig, own: float | None) -> Profile | None:
    """The profile over the stops and the sparsity `own`, as `core.drawing.profile`."""
    return drawing.profile(results(), run_id, pruning, own)


def labels(view: View, profile: Profile) -> Labels:
    """(n,) the true classes of the images of a profile."""
    return store().labels(view.run.id)[: profile.images]


def as_is(view: View, stops: Stops) -> Profile | None:
    """The profile of the view's pruned network without its repair; None if there is no repair."""
    found = profile(view.run.id, view.pruning.then(AS_IS), stops.own) if view.pruning.repaired else None
    return None if found is None else found.first(stops.profile.images)


def as_is_stop(view: View, stops: Stops) -> Stops | None:
    """The same stop of the view's pruned network without its repair; None if there is no repair."""
    found = as_is(view, stops)
    row = None if found is None else row_with(found, int(stops.profile.k[stops.row]))
    return None if found is None or row is None else Stops(found, row)


def panel_url(view: View, stops: Stops, **more: str) -> str:
    """Where the browser finds the panel of a view."""
    return served(f"/panel.json?{urlencode(panel_query(view, stops, **more))}")


def pictures_of(run: Run) -> NDArray[np.uint8] | Pictures | None:
    """The run's test images: (n, *run.shape), or of any sizes if the network was brought.

    None without the data set, or if the run was evaluated on other images.
    """
    if run.brought is not None:
        pictures = brought_pictures(run.id, run.data_set)
        alike = pictures is not None and np.array_equal(pictures.labels, store().labels(run.id))
        return pictures if alike else None
    name = run.data_set
    split, classes = test_split(name), class_names(name)
    return None if split is None or store().unlike(run.id, split, classes) else split.images


def some(
    pictures: NDArray[np.uint8] | Pictures, images: NDArray[np.int64]
) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
    """These of a run's test images, as `core.picture.sheet` takes them; a damaged one is grey."""
    if isinstance(pictures, np.ndarray):
        return pictures[images]
    found = []
    for image in images:
        try:
            found.append(pictures[int(image)])
        except DataError:
            found.append(np.full((28, 28), 128, np.uint8))
    return found


def place(view: View, stops: Stops) -> str:
    """`50 % (refitted)`."""
    return f"{wording.sparsity(stops.sparsity)}{repair.after(view.pruning.repair)}"


def ranked(run_id: str, pruning: PruningConfig) -> tuple[Weights, Ranking]:
    """The weights of a run, and the order in which they are pruned."""
    return drawing.ranked(results(), run_id, pruning)


def pattern(view: View, stops: Stops) -> Fit:
    """How far the masks of a view follow the pattern of hardware for 2:4."""
    pruning, large = view.pruning.then(AS_IS), view.run.weights > drawing.LARGE
    return _pattern(view.run.id, store().digest(view.run.id), pruning, stops.sparsity, on_worker=large)


@lru_cache(maxsize=512)
def _pattern(run_id: str, weights: str, pruning: PruningConfig, sparsity: float, *, on_worker: bool) -> Fit:
    """The same for all visitors; ranking takes longer than the rest of a page's event. `weights` is their digest."""
    if on_worker:
        return engine().answer(Fitting(run_id=run_id, pruning=pruning, sparsity=sparsity))
    return drawing.pattern(results(), run_id, pruning, sparsity)


def ledger(run_id: str, pruning: PruningConfig, own: float | None) -> Ledger | None:
    """The byte ledger over the stops and the sparsity `own`; None if either is not computed yet."""
    return drawing.ledger(results(), run_id, pruning, own)


def stops(view: View) -> Stops | None:
    """The stops of the view, its own sparsity among them; None while they are computed, with the progress on the page.

    While only the view's own sparsity is being computed, the nearest stop is shown. The progress has a container that
    exists even if it is empty, so that the panel below stays the same element.
    """
    with st.container():
        return _stops(view)


def _stops(view: View) -> Stops | None:
    ways = (view.pruning,) if not view.pruning.repaired else (view.pruning.then(AS_IS), view.pruning)
    for pruning in ways:  # a repaired network is compared with the network as it is
        known = results().profile(view.run.id, pruning)
        if known is None:
            st.markdown(_needed(view.run, pruning))
        if known is None or store().profile(view.run.id, pruning) is None:
            rounds.ensure(view.run, pruning)
        if known is None:
            return None
    usual = profile(view.run.id, view.pruning, None)
    assert usual is not None
    nearest = Stops(usual, usual.stop_index(100 * view.sparsity))
    if usual.is_stop(100 * view.sparsity):
        return nearest
    if usual.images < view.run.images:
        st.markdown(
            f"{wording.sparsity(view.sparsity)} lies between two stops and is evaluated when all images are; meanwhile "
            "the nearest stop is shown."
        )
        return nearest
    for pruning in ways:
        if store().point(view.run.id, pruning, view.sparsity) is None:
            st.markdown(
                f"{wording.sparsity(view.sparsity)} lies between two stops. It is being evaluated"
                f"{repair.after(pruning.repair)}; meanwhile the nearest stop is shown."
            )
            ensure(Evaluating(run_id=view.run.id, pruning=pruning, sparsity=view.sparsity))
            return nearest
    whole = profile(view.run.id, view.pruning, view.sparsity)
    assert whole is not None
    return Stops(whole, whole.stop_index(100 * view.sparsity), view.sparsity)


def _needed(run: Run, pruning: PruningConfig) -> str:
    """What it takes to evaluate a run that is pruned in this way, at all stops."""
    way = f"**{pruning.ranks_by.title}**, {pruning.within.title}{repair.after(pruning.repair)}"
    missing, n = f"{way}, has not been evaluated for this run yet.", wording.count(run.images)
    if not pruning.repaired:
        return f"{missing} That takes one pass over {n} test images for each stop, once for everyone."
    return (
        f"{missing} Each stop is repaired with {wording.count(pruning.sample)} training images without labels, then "
        f"evaluated on {n} test images, once for everyone. This takes minutes for {NETWORKS[DEFAULT_NETWORK].title}."
    )
