"""Bring a network: what an ONNX file holds, whether it can be pruned, and the command that does it."""

import shlex

import streamlit as st

from core.errors import PruneLabError
from core.own.architectures import NAMES
from core.own.file import ONNX, kind_of
from core.own.looking import Looking
from core.own.outline import Layer, Outline
from core.words import own as words
from core.words import wording
from pages.ui.components.table import Row, TableCell, table
from pages.ui.server.framework import waiting
from pages.ui.server.services import engine, settings
from pages.ui.view import say
from pages.ui.view.say import as_written

COLUMNS = ("Layer", "Operator", "Shape", "Weights", "Groups", "Tied with")


def show() -> None:
    """Offer to bring a network, where the host has not switched that off."""
    if settings().networks:
        with st.expander("Bring a network of your own", icon=":material/upload_file:"):
            _show()


def _show() -> None:
    """Take a file and show its layers, or why it cannot be used."""
    st.caption(
        "Drop a network to see which of its weights can be pruned. The file is kept in memory while you look at it, "
        "and is never stored."
    )
    given = st.file_uploader("An ONNX file, or safetensors", key="network file")
    if given is None:
        return
    try:
        job = _job(given.getvalue())
        if job is not None:
            _show_layers(given.name, job, _looked(job))
    except PruneLabError as error:
        say.error(error)


def _show_layers(name: str, job: Looking, outline: Outline) -> None:
    """What the file holds, and the command that prunes it."""
    st.markdown(as_written(words.network(name, outline)))
    table("Layers", COLUMNS, [_row(layer) for layer in outline.layers], key="layers", terms=("Weight",))
    for text in words.kept(outline):
        st.caption(as_written(text))
    st.markdown("Prune it on your pictures, one folder for each class, where PruneLab is installed:")
    kind = f" --architecture {job.architecture}" if job.architecture else ""
    out = "pruned.safetensors" if job.architecture else "pruned.onnx"
    command = f"python -m core.prune {shlex.quote(name)}{kind} --data pictures --sparsity 0.5 -o {out}"
    st.code(command, language="bash", wrap_lines=True)


def _job(content: bytes) -> Looking | None:
    """The look at a file; None until the architecture of safetensors is chosen. Raises NetworkError."""
    if kind_of(content[:16], len(content)) == ONNX:
        return Looking(content=content)
    label = "Safetensors hold arrays without layers: its architecture in torchvision"
    chosen = st.selectbox(label, NAMES, index=None, placeholder="Choose one", key="architecture")
    return Looking(content=content, architecture=chosen) if chosen else None


def _looked(job: Looking) -> Outline:
    """The outline, asked for once in a session as long as the file is the same; raises PruneLabError."""
    known = st.session_state.get("looked at")
    if known is None or known[0] != job.id:
        with st.spinner("Looking at the network"), waiting():
            known = st.session_state["looked at"] = job.id, engine().answer(job)
    outline: Outline = known[1]
    return outline


def _row(layer: Layer) -> Row:
    cells = (
        TableCell.text(layer.name.removesuffix(".weight")),
        TableCell.text(layer.operator),
        TableCell.text(" × ".join(map(str, layer.shape))),
        TableCell(wording.count(layer.weights), layer.weights),
        TableCell(str(layer.groups), layer.groups),
        TableCell.text(", ".join(layer.nodes) if layer.tied else ""),
    )
    return Row(layer.name, cells)
