"""The Prune page's figures as they would be without the live panel: `st.slider` and one `st.plotly_chart` each."""

import streamlit as st

from benchmarks.panel import pruning_panel
from core.panels import Panel
from core.store.runs import RunStore
from pages.ui.view.address import default_run


@st.cache_resource(max_entries=1)
def built(run_id: str) -> Panel:
    """The same figures that the live panel shows."""
    return pruning_panel(RunStore(), run_id)


run = default_run(RunStore())
assert run is not None
shown = built(run.id)
stop = st.slider("Sparsity", 0, len(shown.stops) - 1, int(st.query_params.get("stop", 4)), key="stop")
st.write(shown.answers[stop])
for column, readout in zip(st.columns(len(shown.readouts)), shown.readouts, strict=True):
    column.metric(readout.label, readout.values[stop])
for placed in shown.figures:
    st.plotly_chart(placed.figure.at(stop), key=placed.figure.name)
