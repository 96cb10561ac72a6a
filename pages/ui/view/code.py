"""A view as plain PyTorch: the program on the page, and what it opens as a download."""

from functools import partial

import streamlit as st

from core.cost.lesson import Lesson, files
from core.evaluation.repaired import Repairing
from core.words import own as words
from pages.ui.server.services import store, test_split
from pages.ui.view import lookup
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops
from pages.ui.view.watching import result_or_offer

WHY = "The program opens the repaired weights, which are not kept on this server, or no longer."


def offer(view: View, stops: Stops) -> None:
    """Show the program of a view, which follows the slider when it rests, and offer it with its files."""
    if view.run.brought:
        _offer_command(view, stops)
        return
    with st.expander("Show the PyTorch", icon=":material/code:"):
        lesson = _lesson(view, stops)
        st.markdown(
            "This view in plain torch and torchvision: it loads the weights and the test images, prunes as shown, and "
            "prints the counts on the screen. The comments name three mistakes to try."
        )
        st.code(lesson.script(), "python")
        if lesson.is_repaired and not _repaired_here(view, stops):
            return
        with st.container(horizontal=True):
            name = f"prunelab-{view.run.id}-{stops.sparsity:.6g}"
            st.download_button(
                "Script, notebook and weights (ZIP)", partial(_zipped, lesson, view, stops), f"{name}.zip",
                "application/zip", on_click="ignore", icon=":material/folder_zip:",
            )  # fmt: skip
            st.download_button(
                "Notebook (IPYNB)", partial(_notebook, lesson, view, stops), f"{name}.ipynb",
                "application/x-ipynb+json", on_click="ignore", icon=":material/menu_book:",
                help="Small networks are inside the file, so that it runs on a host of notebooks as it is.",
            )  # fmt: skip


def _offer_command(view: View, stops: Stops) -> None:
    """The command line that prunes the same file in the same way, for a network that was brought."""
    brought, pruning = view.run.brought, view.pruning
    assert brought is not None
    how = ["--criterion", pruning.criterion, "--scope", pruning.scope]
    how += ["--repair", pruning.repair] if pruning.repaired else []
    command = words.command(brought.name, brought.architecture, view.run.data_title, stops.sparsity, *how)
    with st.expander("Do it from the command line", icon=":material/terminal:"):
        st.markdown("Where PruneLab is installed, with the folder of the pictures; the result is compared there too.")
        st.code(command, "bash", wrap_lines=True)


def _repaired_here(view: View, stops: Stops) -> bool:
    """Whether the repaired weights at this stop are kept; if not, say how to have them."""
    if store().has_repaired(view.run.id, view.pruning, [stops.sparsity]):
        return True
    if stops.own is None:
        job = Repairing(run_id=view.run.id, pruning=view.pruning)
        return result_or_offer(job, "Repair at every stop", WHY, ":material/build:") is not None
    st.caption("Repaired weights are kept at the stops of the slider. Move it to one to download the program.")
    return False


def _lesson(view: View, stops: Stops) -> Lesson:
    profile, row = stops.profile, stops.row
    counts = tuple(profile.layer_k[row].tolist())
    comparison = profile.comparison(lookup.labels(view, profile), row)
    return Lesson(view.run, view.pruning, stops.sparsity, counts, profile.total, comparison)


def _zipped(lesson: Lesson, view: View, stops: Stops) -> bytes:
    return lesson.zipped(_files(lesson, view, stops))


def _notebook(lesson: Lesson, view: View, stops: Stops) -> str:
    return lesson.notebook(_files(lesson, view, stops))


def _files(lesson: Lesson, view: View, stops: Stops) -> dict[str, bytes]:
    """What the program opens, read when it is downloaded."""
    weights, ranking = lookup.ranked(view.run.id, view.pruning)
    place = store().repaired(view.run.id, view.pruning, stops.sparsity)
    test = test_split(view.run.data_set) if lesson.has_images else None
    return files(
        weights=weights,
        masks=ranking.masks(stops.sparsity) if lesson.has_masks else None,
        repaired=store().kept_arrays(place) if lesson.is_repaired else None,
        images=None if test is None else {"images": test.images, "labels": test.labels},
    )
