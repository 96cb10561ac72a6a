"""What can a class do with it? Exercises, each a link that opens the right view, with the answer as computed here."""

import streamlit as st

from core import wording
from pages.ui import picker
from pages.ui.exercises import EXERCISES, lesson
from pages.ui.links import link
from pages.ui.say import as_written
from pages.ui.words import meanings

st.title("What can a class do with it?")
st.markdown(
    "Exercises for a lesson or two, from the first look to a claim to check. Each link opens the right view; the "
    "address of any view can be shared. The answers are computed from the run that the links open, not written down "
    "beforehand."
)
here = lesson()
if here is None:
    st.info("There is no evaluated run yet; train one first.", icon=":material/model_training:")
else:
    st.caption(
        f"All of them are about {as_written(picker.title(here.run))}, on {wording.count(here.run.images)} test images."
    )
    for number, exercise in enumerate(EXERCISES, 1):
        st.header(f"{number}. {exercise.title}")
        st.markdown(exercise.task, help=meanings(*exercise.terms))
        query = {"run": here.run.id, **exercise.query}
        link(exercise.page, "Open the view", ":material/open_in_new:", query)
        with st.expander("Answer"):
            st.markdown(exercise.answer(here) or "It is not computed on this server yet; open the view and ask for it.")
