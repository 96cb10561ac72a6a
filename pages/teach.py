"""What can a class do with it? A curve to predict, and exercises, each with a link and the answer computed here."""

import streamlit as st

from core.pruning import PruningConfig
from core.words import wording
from pages.ui.view import picker, predict, room
from pages.ui.view.exercises import EXERCISES, Lesson, lesson
from pages.ui.view.head import head
from pages.ui.view.links import link
from pages.ui.view.say import as_written
from pages.ui.view.words import meanings


def show_prediction(here: Lesson) -> None:
    """Let the visitor predict the curve of the lesson's run, alone or with a class."""
    st.header("Predict first")
    predict.alone(here.run, PruningConfig())
    query = {"run": here.run.id, "predict": "1"}
    link("prune.py", "Predict another network, criterion or scope", ":material/content_cut:", query)


def show_exercises(here: Lesson) -> None:
    """Show the exercises with their answers."""
    for number, exercise in enumerate(EXERCISES, 1):
        st.header(f"{number}. {exercise.title}")
        st.markdown(exercise.task, help=meanings(*exercise.terms))
        query = {"run": here.run.id, **exercise.query}
        link(exercise.page, "Open the view", ":material/open_in_new:", query)
        with st.expander("Answer"):
            st.markdown(exercise.answer(here) or "Not computed on this server yet; start it from the view.")


head(__file__)
if not room.entered():
    st.markdown(
        "Exercises for one or two lessons, from a first look to checking a claim. Each link opens the right view, and "
        "you can share the address of any view. The answers are computed from the run that the links open, not written "
        "beforehand."
    )
    here = lesson()
    if here is None:
        st.info("No run has been evaluated yet; train one first.", icon=":material/model_training:")
    else:
        st.caption(
            f"All exercises use {as_written(picker.title(here.run))}, on {wording.count(here.run.images)} test images."
        )
        show_prediction(here)
        show_exercises(here)
