"""Server time from a slider event to the last new element, over a real websocket session.

The Prune page against the same figures by `st.slider` and `st.plotly_chart`, in turns on one machine: each event moves
to another stop, and ends when the script that it caused has finished and all its elements have arrived.
"""

import json
import random
import sys
import time

import numpy as np

from benchmarks.results import save, spread
from benchmarks.session import Session, serving
from core.evaluation.profile import STOPS
from core.store.places import default

EVENTS = 100
THINKING = 0.2
"""Seconds between two events; nobody lets a slider go more often."""


def main() -> None:
    """Measure both and write the table."""
    environment = {"PRUNELAB_RUNS": sys.argv[1] if len(sys.argv) > 1 else str(default())}
    stops = random.Random(0).choices(range(len(STOPS)), k=EVENTS)
    ours: list[float] = []
    plain: list[float] = []
    sent: dict[str, list[int]] = {"ours": [], "plain": []}
    with (
        serving("streamlit_app.py", environment) as (port, _),
        serving("benchmarks/apps/plain_slider.py", environment) as (plain_port, _),
        Session(port) as page,
        Session(plain_port) as baseline,
    ):
        page.open("prune")
        baseline.open()
        for moves, stop in enumerate(stops, 1):
            time.sleep(THINKING)
            ours.append(1000 * page.set("panel", json_value=json.dumps({"moved": {"to": stop, "moves": moves}})))
            sent["ours"].append(page.received)
            time.sleep(THINKING)
            plain.append(1000 * baseline.set("stop", int_array_value={"data": [stop]}))
            sent["plain"].append(baseline.received)
    rows = [
        {
            "app": name,
            "median (ms)": round(float(np.median(values)), 1),
            "95th percentile (ms)": round(float(np.percentile(values, 95)), 1),
            "against baseline": round(float(np.median(values) / np.median(plain)), 3),
            "kB sent per event": round(float(np.median(size)) / 1000, 1),
        }
        for name, values, size in (
            ("the live panel", ours, sent["ours"]),
            ("st.slider (baseline)", plain, sent["plain"]),
        )
    ]
    save("slider", rows, {"ours_ms": spread(ours), "baseline_ms": spread(plain), "events": EVENTS})


if __name__ == "__main__":
    main()
