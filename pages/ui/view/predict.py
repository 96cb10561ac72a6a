"""Predict first: the curve of a view is hidden until the visitor has guessed it. The guess is kept in the session."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from core.errors import StoreError
from core.evaluation import Comparison
from core.evaluation.guess import ASKED, Bands, Five, Guess, miss
from core.evaluation.profile import Profile
from core.pruning import PruningConfig
from core.run import Run
from core.store.rooms import GUESSES
from core.words import guess as in_words
from core.words import repair, wording
from pages.ui.components.guess import Chart
from pages.ui.components.guess import guess as chart
from pages.ui.server.services import owner, rooms, store
from pages.ui.view import address, say
from pages.ui.view.address import View
from pages.ui.view.links import go_to

TASK = (
    f"Before you look: what is the accuracy when {wording.listed([str(s) for s in ASKED])} % of the weights are set "
    "to zero?"
)


@dataclass(frozen=True)
class Truth:
    """What is guessed: a network's accuracy over the stops, (sparsity, accuracy) in percent, on n images."""

    network: str
    n: int
    stops: tuple[tuple[float, float], ...]
    asked: Five

    @property
    def dense(self) -> float:
        """The accuracy at 0 %, which is given."""
        return self.stops[0][1]


def truth(run: Run, pruning: PruningConfig) -> Truth | None:
    """The truth about a run that is pruned in one way; None if it has not been evaluated."""
    profile = store().profile(run.id, pruning)
    return None if profile is None else _truth(profile, run.id)


@lru_cache(maxsize=16)
def _truth(profile: Profile, run_id: str) -> Truth:
    """One for each loaded profile."""
    found: Sequence[Comparison] = profile.comparisons(store().labels(run_id))
    stops = tuple((100 * float(s), 100 * c.pruned.value) for s, c in zip(profile.sparsity, found, strict=True))
    asked = tuple(100 * found[profile.stop_index(percent)].pruned.value for percent in ASKED)
    return Truth(repair.network(profile.pruning.repair), found[0].n, stops, asked)


def hidden(true: Truth, says: str = "", guess: Guess | None = None, bands: Bands | None = None) -> Chart:
    """The chart before the truth is shown."""
    about = "Accuracy over sparsity; the truth is hidden."
    return Chart(true.dense, says, f"{about} {in_words.spread(bands)}" if bands else about, true.network, guess, bands)


def shown(true: Truth, says: str, guess: Guess | None = None, bands: Bands | None = None) -> Chart:
    """The chart with the truth."""
    points = (f"{wording.percent(value / 100)} at {s} %" for s, value in zip(ASKED, true.asked, strict=True))
    about = f"Accuracy over sparsity: {wording.listed([*points])}."
    return Chart(true.dense, says, about, true.network, guess, bands, true.stops)


def error(true: Truth, guess: Guess) -> str:
    """How far a visitor's guess was off, in words."""
    return in_words.error(miss(guess.percents, true.asked), true.asked, true.n)


def _offer_room(run: Run, pruning: PruningConfig) -> None:
    """A button that makes a room about a run that is pruned in one way, and goes there."""
    means = f"Everyone opens one link and guesses, up to {GUESSES} of them; you show the truth to all at once."
    if st.button("Make a room for a class", icon=":material/groups:", help=means):
        try:
            name = rooms().make(run.id, pruning, owner())
        except StoreError as error:
            say.error(error)
        else:
            go_to("teach.py", {"room": name})


def alone(run: Run, pruning: PruningConfig) -> bool:
    """Ask one visitor, show the truth once there is a guess, and offer a room; whether there is a guess."""
    true, guesses = truth(run, pruning), st.session_state.setdefault("guesses", {})
    if true is None:
        return True  # there is nothing to hide
    st.markdown(TASK)
    guess = guesses.get((run.id, pruning.key))
    if guess is None:
        key = run.id, pruning.key
        chart(hidden(true), key="guess", send="Show the truth", on_sent=lambda sent: guesses.update({key: sent}))
    else:
        chart(shown(true, error(true, guess), guess), key="guess")
    _offer_room(run, pruning)
    return guess is not None


def first(view: View) -> bool:
    """Whether the figures of a view may be shown: with `predict=1` in the link, only after the visitor's guess."""
    asked = st.query_params.get("predict")
    if asked not in (None, "1"):
        address.note(f"The link asks for predict=“{asked[:40]}”, which must be 1. The curve is shown.")
        del st.query_params["predict"]
        return True
    return asked is None or alone(view.run, view.pruning)
