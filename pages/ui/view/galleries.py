"""Test images, one page at a time, and a single image with its answers at every stop."""

from collections.abc import Callable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import picture
from core.errors import DataError
from core.picture import drawn
from core.words import wording
from pages.ui.components.gallery import Card, gallery
from pages.ui.server.services import store
from pages.ui.view import address, linked, lookup, say, stories
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops
from pages.ui.view.report import Content
from pages.ui.view.say import as_written

PER_PAGE, COLUMNS = 24, 6
LEAST_SIDE, MOST_SIDE, MOST_SENT = 112, 224, 512
"""Of an opened picture's longer side: CSS pixels at least and at most, and the pixels that the browser is sent."""


def show_gallery(view: View, images: NDArray[np.int64], make: Callable[[int], Card], key: str) -> None:
    """Show one page of `images`, in their order."""
    if not len(images):
        st.info("No image matches the filter at this sparsity.", icon=":material/info:")
        return
    pages = -(-len(images) // PER_PAGE)
    field, note = st.columns([2, 8], vertical_alignment="bottom")
    label = f"Page, of {wording.count(pages)}"
    page = linked.number(field, label, 1, pages, key="page", on_change=address.change)
    shown = images[(page - 1) * PER_PAGE : page * PER_PAGE]
    note.caption(
        f"Images {(page - 1) * PER_PAGE + 1:,} to {(page - 1) * PER_PAGE + len(shown):,}. Click one to open it."
    )
    pictures = lookup.pictures_of(view.run)
    if pictures is None:
        st.info("The pictures are not on this server; only the answers are shown.", icon=":material/database:")
    sheet = None if pictures is None else picture.sheet(lookup.some(pictures, shown), COLUMNS)
    gallery([make(int(image)) for image in shown], sheet, columns=COLUMNS, key=key, on_open=open_image)


def open_image(image: int) -> None:
    """Open one image, from a callback."""
    st.query_params["image"] = str(image)
    address.change()


def close_image() -> None:
    """Return to the gallery, from a callback."""
    st.query_params.pop("image", None)
    address.change()


def opened(images: int) -> int | None:
    """The image that the URL names; None if it names none, with a note if its value is invalid."""
    named = st.query_params.get("image")
    if named is None:
        return None
    if named.isascii() and named.isdecimal() and int(named[:9]) < images:
        return int(named[:9])
    address.note(
        f"There is no image “{named[:20]}”; they are numbered from 0 to {images - 1:,}. Shown instead: all of them."
    )
    close_image()
    return None


def show_image(view: View, stops: Stops, image: int) -> Content | None:
    """Show one test image with its answers at every stop. Returns the panel's content; None without a panel."""
    st.button("Back to the images", icon=":material/arrow_back:", on_click=close_image)
    labels, pictures = store().labels(view.run.id), lookup.pictures_of(view.run)
    true = int(labels[image])
    if pictures is None:
        st.info("The images are not on this server: run `make data` there.", icon=":material/database:")
        return None
    title = f"Test image {wording.count(image)}: {as_written(view.run.classes[true])}"
    try:
        pixels = pictures[image]
    except DataError as error:
        st.header(title)
        say.error(error)
        return None
    width = shown_width(pixels)
    left, right = st.columns([1 if width <= LEAST_SIDE else 2, 6], vertical_alignment="center")
    left.image(enlarged(pixels), width=width, alt=f"Test image {image}: {view.run.classes[true]}")
    right.header(title)
    return stories.show(view, stops, pixels, true)


def shown_width(pixels: NDArray[np.uint8]) -> int:
    """CSS pixels across of an opened picture: its longer side takes `LEAST_SIDE` to `MOST_SIDE`."""
    h, w = map(int, pixels.shape[:2])
    side = min(max(h, w, LEAST_SIDE), MOST_SIDE)
    return max(1, round(side * w / max(h, w)))


def enlarged(pixels: NDArray[np.uint8], times: int | None = None) -> str:
    """The URL of a picture (h, w) or (h, w, 3) in which each pixel is a square of so many pixels a side.

    Without a number, as many as `MOST_SIDE` has room for. A picture of more than `MOST_SENT` pixels a side is reduced.
    """
    times = times or max(1, MOST_SIDE // max(pixels.shape[:2]))
    return picture.url(picture.png(drawn.reduced(drawn.enlarged(pixels, times), MOST_SENT)))
