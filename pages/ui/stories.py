"""The story of one image: what the network says of it at every stop, asked of a worker once and kept in memory."""

import hashlib

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import panels
from core.errors import PruneLabError
from pages.ui import say
from pages.ui.address import address
from pages.ui.framework import waiting
from pages.ui.live_panel import live_panel
from pages.ui.lookup import Stops
from pages.ui.routes import packed
from pages.ui.services import engine, store, stories
from pages.ui.view import View
from pages.ui.words import meanings


def show(now: View, stops: Stops, image: NDArray[np.uint8], true: int | None = None) -> None:
    """The panel of an image, of class `true` if that is known; with a visible wait while a worker looks."""
    try:
        key = _asked(now, stops, image, true)
    except PruneLabError as error:
        say.error(error)
        st.button("Ask again", icon=":material/replay:")
        return
    url = address(f"/story.json?image={key}")
    live_panel([url], stops.row, label="Sparsity", key="story panel", on_stop=stops.go)
    st.caption(
        f"The network knows {len(now.run.classes)} classes and always answers one of them, whatever the image shows. "
        "It cannot say “none of these”: look at the probability and the entropy, and trust neither on things that it "
        "was not trained on.",
        help=meanings("Entropy", "Feature map"),
    )


def _asked(now: View, stops: Stops, image: NDArray[np.uint8], true: int | None) -> str:
    """The key of the story. It comes from the image itself, so that nobody can name another visitor's."""
    network = now.run.id, store().digest(now.run.id)
    asked = repr((network, now.pruning.key, stops.own, true)).encode() + image.tobytes()
    key = hashlib.sha256(asked).hexdigest()
    if stories().get(key) is None:
        with st.spinner("The network looks at the image at every stop"), waiting():
            trace = engine().trace(now.run.id, now.pruning, stops.profile.sparsity.tolist(), image)
        stories().put(key, packed(panels.story(trace, stops.profile, now.run.classes, true).to_json()))
    return key
