"""One image's answers at every stop, computed by a worker once and kept in memory."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import panels
from core.drawing import packed
from core.errors import PruneLabError
from core.evaluation.repaired import Repairing
from core.evaluation.trace import Trace, Tracing
from pages.ui.components.live_panel import live_panel
from pages.ui.server.framework import waiting
from pages.ui.server.paths import served
from pages.ui.server.services import engine, results, store, stories
from pages.ui.view import say
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops
from pages.ui.view.report import Content
from pages.ui.view.watching import offer
from pages.ui.view.words import meanings

WHY = (
    "The network that answers is repaired again at each stop. The repaired networks are not kept on this server, or no "
    "longer. Repairing them takes seconds for LeNet-5, minutes for ConvNet, once for everyone."
)


def show(
    view: View,
    stops: Stops,
    image: NDArray[np.uint8],
    true: int | None = None,
    above: Callable[[], object] = lambda: None,
) -> Content | None:
    """Show the panel of an image, and a spinner while a worker computes it. `true` is its class, if known.

    `above` draws what stands above the panel; meanwhile the worker has begun. Repaired networks have to be there first.
    Returns the panel's content; None without a panel.
    """
    job = Repairing(run_id=view.run.id, pruning=view.pruning)
    if view.pruning.repaired and not results().has(job):
        above()
        offer(job, "Repair at every stop", WHY, ":material/build:")
        return None
    try:
        key = _computed(view, stops, image, true, above)
    except PruneLabError as error:
        say.error(error)
        st.button("Try again", icon=":material/replay:")
        return None
    url = served(f"/story.json?image={key}")
    live_panel([url], stops.row, label="Sparsity", key="story panel", on_stop=stops.go)
    st.caption(
        f"The network knows {len(view.run.classes)} classes and always answers one of them, whatever the image shows. "
        "It cannot say “none of these”. Look at the probability and the entropy, but trust neither for objects that "
        "it was not trained on.",
        help=meanings("Entropy", "Feature map"),
    )
    return partial(_kept, key)


def _kept(key: str) -> bytes:
    """The panel of an image; raises PruneLabError if it is no longer kept."""
    content = stories().get(key)
    if content is None:
        raise PruneLabError("This image is no longer kept; open it again.")
    return content


def _computed(
    view: View,
    stops: Stops,
    image: NDArray[np.uint8],
    true: int | None,
    above: Callable[[], object] = lambda: None,
) -> str:
    """The key of the story. It is a hash of the image itself, so that nobody can name another visitor's."""
    network = view.run.id, store().digest(view.run.id)
    question = repr((network, view.pruning.key, stops.own, true)).encode() + image.tobytes()
    key = hashlib.sha256(question).hexdigest()
    asked = _asked(view, stops, image) if stories().get(key) is None else None
    above()
    if asked is not None:
        with st.spinner("Evaluating the image at every stop"), waiting():
            trace = asked.result()
        stories().put(key, packed(panels.story(trace, stops.profile, view.run.classes, true).to_json()))
    return key


def _asked(view: View, stops: Stops, image: NDArray[np.uint8]) -> Future[Trace]:
    """The answer of a worker, which has begun. A script that is stopped meanwhile does not wait for it."""
    sparsities = tuple(stops.profile.sparsity.tolist())
    job = Tracing(run_id=view.run.id, pruning=view.pruning, sparsities=sparsities, image=image)
    pool = ThreadPoolExecutor(1)
    asked = pool.submit(engine().answer, job)
    pool.shutdown(wait=False)
    return asked
