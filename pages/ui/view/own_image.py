"""The visitor's own picture, how the network sees it, and what it answers."""

from functools import partial

import streamlit as st

from core import picture
from core.data import FASHION
from core.errors import PictureError
from core.picture import Picture
from core.run import Run
from pages.ui.components.drawing import drawing
from pages.ui.view import address, linked, say, stories
from pages.ui.view.address import View
from pages.ui.view.galleries import enlarged
from pages.ui.view.lookup import Stops
from pages.ui.view.report import Content
from pages.ui.view.say import as_written


def show(view: View, stops: Stops) -> Content | None:
    """Show the visitor's picture, how the network sees it, and what it answers.

    Returns the panel's content; None without a panel.
    """
    content = take_picture()
    if content is None:
        return None
    try:
        prepared = _read(content, view.run)
    except PictureError as error:
        say.error(error)
        return None
    return stories.show(view, stops, prepared.image, above=partial(_show_steps, prepared))


def _show_steps(prepared: Picture) -> None:
    """From the visitor's picture to what the network sees."""
    for column, step in zip(st.columns(len(prepared.steps)), prepared.steps, strict=True):
        h, w = step.pixels.shape[:2]
        column.markdown(f"**{step.title}**")
        column.image(
            enlarged(step.pixels, max(1, 140 // max(h, w))), width=max(1, 140 * w // max(h, w)), alt=step.title
        )
        column.caption(as_written(step.note))
    if prepared.notes:
        st.caption(as_written(" ".join(prepared.notes)))


def _read(content: bytes, run: Run) -> Picture:
    """A picture as the run's network reads it, clothes like those of their data set; raises PictureError."""
    if run.brought is None or (run.data_set == FASHION.id and run.shape == (28, 28)):
        return picture.read(content, run.shape)
    return picture.read_by(content, run.brought.reading.fitted)


def take_picture() -> bytes | None:
    """The bytes of an upload, a camera shot or a drawing. They stay in memory."""
    upload = "Upload"
    source = linked.choice(
        st.segmented_control, "Your picture", [upload, "Camera", "Drawing"], default=upload, key="source",
        required=True, on_change=address.change,
    )  # fmt: skip
    st.caption(
        "One object on a plain background works best. The picture is kept in memory while you look at it, and is never "
        "stored."
    )
    if source == "Drawing":
        return drawing("drawn")
    given = (
        st.camera_input("A photo")
        if source == "Camera"
        else st.file_uploader("A PNG, JPEG or WebP file", type=["png", "jpg", "jpeg", "webp"])
    )
    return given.getvalue() if given else None
