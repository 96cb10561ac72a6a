"""What can a class do with it? Exercises, each with a link to the right view and the answer computed here."""

import streamlit as st

from core.words import wording
from pages.ui.view import picker
from pages.ui.view.exercises import EXERCISES, lesson
from pages.ui.view.head import head
from pages.ui.view.links import link
from pages.ui.view.say import as_written
from pages.ui.view.words import meanings

head(__file__)
st.markdown(
    "Exercises for one or two lessons, from a first look to checking a claim. Each link opens the right view, and you "
    "can share the address of any view. The answers are computed from the run that the links open, not written "
    "beforehand."
)
here = lesson()
if here is None:
    st.info("No run has been evaluated yet; train one first.", icon=":material/model_training:")
else:
    st.caption(
        f"All exercises use {as_written(picker.title(here.run))}, on {wording.count(here.run.images)} test images."
    )
    for number, exercise in enumerate(EXERCISES, 1):
        st.header(f"{number}. {exercise.title}")
        st.markdown(exercise.task, help=meanings(*exercise.terms))
        query = {"run": here.run.id, **exercise.query}
        link(exercise.page, "Open the view", ":material/open_in_new:", query)
        with st.expander("Answer"):
            st.markdown(exercise.answer(here) or "Not computed on this server yet; start it from the view.")
