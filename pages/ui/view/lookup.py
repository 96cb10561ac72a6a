"""What a view needs from the run store; a job computes what is missing."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.cost.ledger import Ledger, Weighing
from core.evaluation.profile import Evaluating, Profile, Profiling
from core.pruning import PruningConfig
from core.run import Run
from core.words import wording
from pages.ui.server.paths import served
from pages.ui.server.services import class_names, results, store, test_split
from pages.ui.view import address
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

    def go(self, stop: int) -> None:
        """Move the view to a stop, from a panel's callback. A stop that does not exist is ignored."""
        if 0 <= stop < len(self.profile.sparsity):
            address.change(sparsity=address.percentage(float(self.profile.sparsity[stop])))


def panel_query(view: View, stops: Stops, **more: str) -> dict[str, str]:
    """The query that names the panel of a view, with the digest of the weights it is computed from."""
    query = {"run": view.run.id, "weights": store().digest(view.run.id)[:12]}
    query |= {"criterion": view.pruning.criterion, "scope": view.pruning.scope}
    own = {} if stops.own is None else {"own": address.percentage(stops.own)}
    return query | own | more


def panel_url(view: View, stops: Stops, **more: str) -> str:
    """Where the browser finds the panel of a view."""
    return served(f"/panel.json?{urlencode(panel_query(view, stops, **more))}")


def pictures_of(run: Run) -> NDArray[np.uint8] | None:
    """The run's test images (n, *run.shape); None without the data set, or if the run was evaluated on others."""
    name = run.config.data.name
    split, classes = test_split(name), class_names(name)
    return None if split is None or store().unlike(run.id, split, classes) else split.images


def ledger(run_id: str, pruning: PruningConfig, own: float | None) -> Ledger | None:
    """The byte ledger over the stops and the sparsity `own`; None if either is not computed yet."""
    job = Weighing(run_id=run_id, pruning=pruning)
    usual = results().get(job)
    point = None if own is None else results().get(replace(job, sparsity=own))
    if usual is None or own is None:
        return usual
    return None if point is None else usual.merged(point)


def stops(view: View) -> Stops | None:
    """The stops of the view, its own sparsity among them; None while they are computed, with the progress on the page.

    While only the view's own sparsity is being computed, the nearest stop is shown. The progress has a container that
    exists even if it is empty, so that the panel below stays the same element.
    """
    with st.container():
        return _stops(view)


def _stops(view: View) -> Stops | None:
    usual = store().profile(view.run.id, view.pruning)
    if usual is None:
        ranked = f"**{view.pruning.ranks_by.title}**, {view.pruning.within.title}"
        st.markdown(
            f"{ranked}, has not been evaluated for this run yet. That takes one pass over "
            f"{wording.count(view.run.images)} test images for each stop, once for everyone."
        )
        ensure(Profiling(run_id=view.run.id, pruning=view.pruning))
        return None
    nearest = Stops(usual, usual.stop_index(100 * view.sparsity))
    if usual.is_stop(100 * view.sparsity):
        return nearest
    point = store().point(view.run.id, view.pruning, view.sparsity)
    if point is None:
        st.markdown(
            f"{wording.sparsity(view.sparsity)} lies between two stops. It is being evaluated; meanwhile the nearest "
            "stop is shown."
        )
        ensure(Evaluating(run_id=view.run.id, pruning=view.pruning, sparsity=view.sparsity))
        return nearest
    whole = usual.merged(point)
    return Stops(whole, whole.stop_index(100 * view.sparsity), view.sparsity)
