"""A room, as its teacher and its pupils see it: everyone guesses, then the truth appears for all at once."""

from contextlib import suppress

import streamlit as st

from core.errors import StoreError
from core.evaluation.guess import Bands, Guess, bands, miss
from core.store.rooms import GUESSES, Room
from core.words import guess as in_words
from core.words import repair, wording
from pages.ui.components.guess import guess as chart
from pages.ui.components.share import share
from pages.ui.server.services import owner, rooms, store
from pages.ui.view import picker, predict, say
from pages.ui.view.predict import Truth
from pages.ui.view.say import as_written

TEACHER, PUPIL = 2, 3
"""Seconds after which an open room is looked at again, by its teacher and by a pupil."""

_WIDE = 420
"""Pixels that the link and its QR code are wide."""


def entered() -> bool:
    """Show the room that the link names; whether it names one. Says why a room cannot be shown."""
    name = st.query_params.get("room")
    if name is None:
        return False
    try:
        room = rooms().get(name)
        true = predict.truth(store().get(room.run_id), room.pruning)
        if true is None:
            raise StoreError(f"The run of room {name} has not been evaluated; ask for a new room.")
    except StoreError as error:
        say.error(error)
        return False
    _show(name, room, true)
    return True


def _show(name: str, room: Room, true: Truth) -> None:
    teaches = room.owner == owner()
    st.header(f"Room {name}")
    st.caption(_about(room, true))
    if problem := st.session_state.pop("room problem", None):
        say.error(problem)
    if rooms().is_shown(name):
        _show_truth(name, true, teaches)
    elif teaches:
        _invite()
        _watch(name, true)
        st.button("Reveal for all", icon=":material/visibility:", type="primary", on_click=_reveal, args=(name,))
    else:
        st.markdown(predict.TASK)
        _take_part(name, true)
    st.button("Leave the room", icon=":material/logout:", on_click=_leave)


def _leave() -> None:
    st.query_params.pop("room", None)


def _about(room: Room, true: Truth) -> str:
    pruning = room.pruning
    way = f"{pruning.ranks_by.title}, {pruning.within.title}{repair.after(pruning.repair)}"
    about = f"{as_written(picker.title(store().get(room.run_id)))}; {way}; {wording.count(true.n)} test images."
    return f"{about} The room ends a day after it was made."


def _invite() -> None:
    """The link for the class, which is the address of this view."""
    st.markdown("Everyone opens this link and guesses. No account and no name is needed.")
    with st.container(width=_WIDE):
        share("invitation", lead=True)


@st.fragment(run_every=TEACHER)
def _watch(name: str, true: Truth) -> None:
    """The class's guesses as they arrive."""
    if _over(name):
        st.rerun()
    guesses = [*rooms().guesses(name).values()]
    found = bands(guesses)
    says = in_words.spread(found) if found else "No guess yet."
    st.markdown(f"**{wording.count(len(guesses))} of at most {GUESSES} guesses**")
    chart(predict.hidden(true, says, bands=found), key="class")


@st.fragment(run_every=PUPIL)
def _take_part(name: str, true: Truth) -> None:
    """A pupil's guess, which may change until the truth is shown."""
    if _over(name):
        st.rerun()
    if problem := st.session_state.pop("guess problem", None):
        say.error(problem)
    mine = rooms().guess_of(name, owner())
    says = "Your guess is in. You can change it until the truth is shown; it then appears here by itself."
    send = "Change my guess" if mine else "Send my guess"
    hidden = predict.hidden(true, says if mine else "", mine)
    chart(hidden, key="guess", send=send, on_sent=lambda guess: _send(name, guess))


def _over(name: str) -> bool:
    """Whether there is nothing more to wait for: the truth is shown, or the room has ended."""
    with suppress(StoreError):
        rooms().get(name)
        return rooms().is_shown(name)
    return True


def _send(name: str, guess: Guess) -> None:
    try:
        rooms().guess(name, owner(), guess)
    except StoreError as error:
        st.session_state["guess problem"] = str(error)


def _reveal(name: str) -> None:
    try:
        rooms().show(name, owner())
    except StoreError as error:
        st.session_state["room problem"] = str(error)


def _show_truth(name: str, true: Truth, teaches: bool) -> None:
    found = bands([*rooms().guesses(name).values()])
    mine = None if teaches else rooms().guess_of(name, owner())
    says = " ".join(
        filter(None, [predict.error(true, mine) if mine else "", _of_class(true, found, brief=mine is not None)])
    )
    chart(predict.shown(true, says, mine, found), key="truth")


def _of_class(true: Truth, found: Bands | None, brief: bool) -> str:
    """How far the middle guess of the class was off; `brief` where a pupil's own error is told in full."""
    if found is None:
        return "Nobody guessed in this room."
    if found.n == 1:
        return "There was one guess."
    off, whose = miss(found.middle, true.asked), f"The middle of {wording.count(found.n)} guesses"
    return in_words.distance(off, true.n, whose) if brief else in_words.error(off, true.asked, true.n, whose)
