"""Bring a network: what its file holds, how it reads pictures, and a run made of it; or why it cannot be used."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.data import pools
from core.errors import ConfigError, DataError, NetworkError, PruneLabError
from core.own import shelf
from core.own.architectures import NAMES
from core.own.brought import Brought
from core.own.file import ONNX, kind_of
from core.own.finding import Finding, Prepared, Shown
from core.own.found import Tried
from core.own.looking import Looking
from core.own.outline import MOST_SIDE, Layer, Outline
from core.own.reading import sides
from core.run import Bringing
from core.store import uploads
from core.words import own as words
from core.words import wording
from pages.ui.components.table import Row, TableCell, table
from pages.ui.server import visitors
from pages.ui.server.framework import waiting
from pages.ui.server.services import engine, owner, settings, store
from pages.ui.view import say
from pages.ui.view.links import link
from pages.ui.view.say import as_written
from pages.ui.view.watching import offer, result_or_offer

COLUMNS = ("Layer", "Operator", "Shape", "Weights", "Groups", "Tied with")
READINGS = ("Scale", "Colours", "Size", "Right", "Pictures")
UPLOAD, ZIP = "Upload a file", "Upload a zip"


def show() -> None:
    """Offer to bring a network, where the host has not switched that off."""
    if settings().networks:
        with st.expander("Bring a network of your own", icon=":material/upload_file:"):
            try:
                _show()
            except PruneLabError as error:
                say.error(error)


def _show() -> None:
    """Take a file, then pictures, and make a run of both."""
    st.caption(
        "See which weights of your network can be pruned, then prune it on your pictures like the networks that are "
        f"trained here. {_kept()}"
    )
    given = _file()
    if given is None:
        return
    name, upload = given
    look = _job(name, upload)
    if look is None:
        return
    outline = _looked(look)
    _show_layers(name, outline)
    finding = _finding(look, outline)
    if finding is not None:
        why = "First the pictures are read in each way that the network may expect; what most pictures fit is proposed."
        prepared = result_or_offer(finding, "Look at the pictures", why, ":material/image_search:")
        if prepared is not None:
            _evaluate(name, look, finding, prepared)
    _show_command(name, look)


def _kept() -> str:
    """For how long networks are kept, and who sees them."""
    if settings().keep_networks:
        return "It is kept on this server like a trained network: others can look at it, and only you can delete it."
    return (
        "It is deleted when you leave. Until then others on this server can look at it, and only you can delete it "
        "earlier."
    )


# --- the file ---------------------------------------------------------------------------------------------------


def _file() -> tuple[str, str] | None:
    """The name and the SHA-256 of the network; None until there is one."""
    names = shelf.names()
    source = st.selectbox("Network", [UPLOAD, *names], key="network source") if names else UPLOAD
    if source == UPLOAD:
        return _uploaded("network", "An ONNX file, or safetensors", kind_of)
    known: tuple[str, str] | None = st.session_state.get("network of the server")
    if known is None or known[0] != source:
        known = st.session_state["network of the server"] = source, _hold(shelf.read(source), kind_of)
    return known


def _uploaded(what: str, label: str, check: Callable[[bytes, int], object]) -> tuple[str, str] | None:
    """The name and the SHA-256 of what a visitor uploads, which then is in the store and no longer in memory."""
    count, most = st.session_state.get(f"{what} uploads", 0), settings().network_size
    given = st.file_uploader(label, key=f"{what} file {count}", max_upload_size=most)
    if given is not None:
        if given.size > 1_000_000 * most:
            raise ConfigError(f"{given.name} has {wording.size(given.size)}; this server takes at most {most} MB.")
        st.session_state.pop(f"{what} upload", None)
        st.session_state[f"{what} upload"] = given.name, _hold(given.getvalue(), check)
        st.session_state[f"{what} uploads"] = count + 1  # the next uploader is empty
        st.rerun()
    known: tuple[str, str] | None = st.session_state.get(f"{what} upload")
    return known


def _hold(content: bytes, check: Callable[[bytes, int], object]) -> str:
    """Keep a file for this session, if its first bytes are those of its kind."""
    check(content[:16], len(content))
    upload = uploads.put(store(), content)
    visitors.holds(upload)
    return upload


def _job(name: str, upload: str) -> Looking | None:
    """The look at a file; None until the architecture of safetensors is chosen."""
    if _is_onnx(upload):
        return Looking(upload=upload)
    label = f"{name} holds arrays without layers: its architecture in torchvision"
    chosen = st.selectbox(label, NAMES, index=None, placeholder="Choose one", key="architecture")
    return Looking(upload=upload, architecture=chosen) if chosen else None


def _is_onnx(upload: str) -> bool:
    path = uploads.path(store(), upload)
    with path.open("rb") as file:
        return kind_of(file.read(16), path.stat().st_size) == ONNX


def _looked(job: Looking) -> Outline:
    """The outline, asked for once in a session as long as the file is the same; raises PruneLabError.

    A file that is refused is not kept, but for safetensors, which may be of another architecture.
    """
    known = st.session_state.get("looked at")
    if known is None or known[0] != job.id:
        try:
            with st.spinner("Looking at the network"), waiting():
                known = job.id, engine().answer(job)
        except NetworkError as error:
            known = job.id, error
            if job.architecture is None:
                uploads.drop(store(), job.upload)
        st.session_state["looked at"] = known
    outline: Outline | NetworkError = known[1]
    if isinstance(outline, NetworkError):
        raise outline
    return outline


def _show_layers(name: str, outline: Outline) -> None:
    """What the file holds."""
    st.markdown(as_written(words.network(name, outline)))
    table("Layers", COLUMNS, [_layer(layer) for layer in outline.layers], key="layers", terms=("Weight",))
    for text in words.kept(outline):
        st.caption(as_written(text))


def _layer(layer: Layer) -> Row:
    cells = (
        TableCell.text(layer.name.removesuffix(".weight")),
        TableCell.text(layer.operator),
        TableCell.text(" × ".join(map(str, layer.shape))),
        TableCell(wording.count(layer.weights), layer.weights),
        TableCell(str(layer.groups), layer.groups),
        TableCell.text(", ".join(layer.nodes) if layer.tied else ""),
    )
    return Row(layer.name, cells)


# --- the pictures -----------------------------------------------------------------------------------------------


def _finding(look: Looking, outline: Outline) -> Finding | None:
    """What is to be found out about which pictures; None until they are chosen."""
    places = {offered.place: offered.title for offered in pools.offered()}
    left, right = st.columns([3, 2])
    with left:
        chosen = st.selectbox(
            "Pictures", [*places, ZIP], format_func=lambda place: places.get(place, ZIP), key="pictures"
        )
    size = None
    if None in outline.input.shape[1:] and _is_open(outline):
        with right:
            size = _size()
    if chosen != ZIP:
        return Finding(upload=look.upload, architecture=look.architecture, place=chosen, size=size)
    given = _uploaded("pictures", "A zip with a folder of pictures for each class, perhaps below train and test", _zip)
    if given is None:
        return None
    place = given[0].rpartition(".")[0] or given[0]
    st.caption(f"{as_written(given[0])} is kept as long as the network.")
    return Finding(upload=look.upload, architecture=look.architecture, place=place, pictures=given[1], size=size)


def _is_open(outline: Outline) -> bool:
    return any(None in outline.input.size(layout) for layout in outline.input.layouts)


def _size() -> tuple[int, int] | None:
    """Height and width that a visitor types where the graph leaves them open."""
    text = st.text_input(
        "Height x width, pixels", key="network size", placeholder="that of the pictures", max_chars=9,
        help=f"This graph takes images of any size. Type what it was trained on, up to {MOST_SIDE}x{MOST_SIDE}.",
    )  # fmt: skip
    if not text.strip():
        return None
    size = sides(text.replace("×", "x").replace(" ", ""))
    if size is None or max(size) > MOST_SIDE:
        raise ConfigError(f"“{text}” is not a height and a width from 1 to {MOST_SIDE} pixels, such as 224x224.")
    return size


def _zip(start: bytes, size: int) -> None:
    if not start.startswith(b"PK"):
        raise DataError("This file is not a zip; pack a folder with one folder of pictures for each class.")


# --- the run ----------------------------------------------------------------------------------------------------


def _evaluate(name: str, look: Looking, finding: Finding, prepared: Prepared) -> None:
    """How pictures are read, to be confirmed; and the job that makes a run of it."""
    found = prepared.found
    for text in words.pictures(prepared):
        st.markdown(as_written(text))
    rows = [_reading(i, tried) for i, tried in enumerate(found.tried[: words.SHOWN])]
    table("How pictures are read", READINGS, rows, key="readings", terms=("Accuracy",))
    if len(found.tried) > words.SHOWN:
        st.caption(f"The best {words.SHOWN}; all {wording.count(len(found.tried))} can be chosen below.")
    for text in words.doubts(found, prepared.classes):
        say.warning(text)
    chosen = st.selectbox(
        "Read the pictures as", range(len(found.tried)), key="reading",
        format_func=lambda i: str(found.tried[i].reading),
        help="What was right most often is proposed. Choose another if you know how the network was trained.",
    )  # fmt: skip
    reading = found.tried[chosen].reading
    _show_pictures(prepared.shown[reading.fit])
    config = Brought(name=name, file=look.upload, data=prepared.data, reading=reading, architecture=look.architecture)
    if store().has(config.run_id):
        run = store().get(config.run_id)
        st.success(words.evaluated(run.accuracy, run.images), icon=":material/check_circle:")
        link("prune.py", "Prune it", ":material/content_cut:", {"run": run.id})
        return
    why = "The first test images are answered at every stop of the slider, in about a minute; then the others follow."
    visitors.holds_run(config.run_id)
    offer(
        Bringing(config=config, owner=owner(), pictures=finding.pictures), "Evaluate it", why, ":material/play_arrow:"
    )


def _reading(i: int, tried: Tried) -> Row:
    reading, accuracy = tried.reading, tried.accuracy
    cells = (
        TableCell.text(f"{reading.scale}{', inverted' if reading.inverted else ''}"),
        TableCell.text("grey" if reading.channels == 1 else "BGR" if reading.bgr else "RGB"),
        TableCell.text(f"{reading.size[0]} × {reading.size[1]}, {reading.fit}, {reading.layout}"),
        TableCell(wording.percent(accuracy.value), accuracy.value),
        TableCell(wording.count(accuracy.n), accuracy.n),
    )
    return Row(str(i), cells)


def _show_pictures(shown: Sequence[Shown]) -> None:
    """Some pictures, as they are and as the network sees them."""
    for column, one in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            st.image(one.whole, width=96, alt=f"A picture of {one.label}")
            st.image(one.seen, width=96, alt="The same as the network sees it")
            st.caption(as_written(one.label))
    st.caption("Above the pictures as they are, below as the network sees them, before its scale.")


def _show_command(name: str, job: Looking) -> None:
    st.markdown("Or prune it where PruneLab is installed, on a folder of pictures with one folder for each class:")
    st.code(words.command(name, job.architecture, "pictures", 0.5), language="bash", wrap_lines=True)
