"""The Prune page's figures as they would be without the live panel: `st.slider` and one `st.plotly_chart` each."""

import streamlit as st

from core import panels
from core.panels import Panel
from core.pruning import PruningConfig, rank
from core.store.runs import RunStore


@st.cache_resource(max_entries=1)
def built(run_id: str) -> Panel:
    """The same figures that the live panel shows."""
    store = RunStore()
    profile = store.profile(run_id, PruningConfig())
    assert profile is not None
    weights, run = store.weights(run_id), store.get(run_id)
    return panels.pruning(profile, weights, rank(weights, profile.pruning), store.labels(run_id), run.classes)


shown = built(RunStore().runs()[0].id)
stop = st.slider("Sparsity", 0, len(shown.stops) - 1, int(st.query_params.get("stop", 4)), key="stop")
st.write(shown.answers[stop])
for column, readout in zip(st.columns(len(shown.readouts)), shown.readouts, strict=True):
    column.metric(readout.label, readout.values[stop])
for placed in shown.figures:
    st.plotly_chart(placed.figure.at(stop), key=placed.figure.name)
