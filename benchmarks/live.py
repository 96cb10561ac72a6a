"""Milliseconds from a key on the slider to the painted frame, in headless Chromium.

The Prune page's live panel against the same figures by `st.slider` and `st.plotly_chart`, in turns on one machine. A
move is over in the first frame after all figures that were on the screen show the new stop. Measured on a usual screen
and on one so high that every figure is on it; and on the usual one the Overview's wall against the Prune page. Then, of
the panel: which stops are drawn when a mouse passes over them slowly, how many nodes outlive a drag, and whether it
still answers while the server is stopped (SIGSTOP).
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, TimeoutError

from benchmarks.browser import SETTLED, chromium, until
from benchmarks.panel import pruning_panel
from benchmarks.results import Row, save, spread
from benchmarks.session import serving
from core.panels import Panel
from core.pruning import PruningConfig
from core.store.places import default
from core.store.runs import RunStore
from pages.ui.view.address import default_run

MOVES = 30
SCREENS = {"1,400 x 900 pixels": 900, "all figures on the screen": 4000}
FIRST = 13
"""The stop before the first move; from here on every figure differs from stop to stop."""

SLIDER, PLAIN_SLIDER = ".live-panel input", '[data-testid="stSlider"] input[type="range"]'

CLOCK = """() => {
  let began
  addEventListener("keydown", () => (began = performance.now()), true)
  const plain = (value) => (value?.length === undefined || typeof value === "string" ? value : Array.from(value, plain))
  const shows = (what) => (Array.isArray(what) ? traced(what) : panel().dataset.drawn === String(what))
  const panel = () => document.querySelector(".live-panel")
  const traced = ([i, trace, name, value]) => {
    const plot = document.querySelectorAll(".js-plotly-plot")[i]
    return JSON.stringify(plain(plot?.data?.[trace]?.[name])) === JSON.stringify(value)
  }
  window.expectStop = (wanted) => {
    window.took = null
    const look = () =>
      requestAnimationFrame(() =>
        began !== undefined && wanted.every(shows)
          ? setTimeout(() => (window.took = performance.now() - began)) // the frame has been painted
          : look()
      )
    began = undefined
    look()
  }
}"""


@dataclass(frozen=True)
class App:
    """One of the two apps in a tab, and how to find its slider."""

    page: Page
    slider: str

    def move(self, key: str, wanted: Sequence[Any]) -> float:
        """Press a key on the slider; milliseconds until the figures show what is wanted."""
        self.page.focus(self.slider)
        self.page.evaluate("(wanted) => expectStop(wanted)", wanted)
        self.page.keyboard.press(key)
        until(self.page, "window.took !== null")
        return float(self.page.evaluate("window.took"))


def wanted(built: Panel, figures: Sequence[int], stop: int) -> list[Any]:
    """For each of the figures, one attribute of a trace that tells the stop: [figure, trace, attribute, value]."""
    expected = []
    for i in figures:
        figure = built.figures[i].figure
        if figure.patches:
            here, there = (figure.patches[at].data for at in (stop, 2 * FIRST + 1 - stop))
            differ = [
                (trace, name) for trace in here for name in here[trace] if here[trace][name] != there[trace][name]
            ]
            assert differ, f"{figure.name} is the same at both stops"
            trace, name = differ[-1]
            expected.append([i, trace, name, here[trace][name]])
    return expected


def opened(browser: Browser, port: int, path: str, slider: str, ready: str, height: int) -> App:
    page = browser.new_page(viewport={"width": 1400, "height": height})
    page.goto(f"http://127.0.0.1:{port}/{path}")
    page.wait_for_selector(ready, timeout=60_000)
    page.wait_for_selector(SETTLED, state="attached", timeout=60_000)
    page.evaluate(CLOCK)
    time.sleep(2)
    return App(page, slider)


def on_screen(app: App, height: int) -> list[int]:
    """The figures, by index, of which a part is visible."""
    tops = app.page.evaluate(
        "[...document.querySelectorAll('.js-plotly-plot')].map((plot) => plot.getBoundingClientRect().top)"
    )
    return [i for i, top in enumerate(tops) if top < height]


def moves(app: App, wanted: Callable[[int], list[Any]]) -> Iterator[float]:
    """Right and left in turns, for ever; `wanted` says what shows a stop."""
    while True:
        for key, stop in (("ArrowRight", FIRST + 1), ("ArrowLeft", FIRST)):
            yield app.move(key, wanted(stop))
            time.sleep(0.4)


def passed_over(page: Page) -> tuple[int, float]:
    """Stops drawn while a mouse goes over the slider in four seconds, and the share of nodes that outlive it."""
    page.evaluate("""() => {
      window.drawn = new Set()
      const root = document.querySelector(".live-panel")
      const drawn = () => window.drawn.add(root.dataset.drawn)
      new MutationObserver(drawn).observe(root, { attributeFilter: ["data-drawn"] })
      document.querySelectorAll(".live-panel *:not(svg *)").forEach((node) => (node.dataset.mark = "1"))
      window.marked = document.querySelectorAll("[data-mark]").length
    }""")
    page.locator(".live-panel input").scroll_into_view_if_needed()
    box = page.locator(".live-panel input").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 1, y)
    page.mouse.down()
    for step in range(401):
        page.mouse.move(box["x"] + 1 + (box["width"] - 2) * step / 400, y)
        time.sleep(0.01)
    page.mouse.up()
    time.sleep(0.5)
    drawn = page.evaluate("window.drawn.size")
    return int(drawn), float(page.evaluate("document.querySelectorAll('[data-mark]').length / window.marked"))


def answers_without_server(page: Page, process: subprocess.Popen[bytes]) -> bool:
    """Whether the panel still draws other stops while the server is stopped."""
    process.send_signal(signal.SIGSTOP)
    try:
        page.focus(".live-panel input")
        for key, stop in (("Home", 0), ("PageUp", 10), ("ArrowRight", 11)):
            page.keyboard.press(key)
            page.wait_for_selector(f'.live-panel[data-drawn="{stop}"]', timeout=5_000)
    except TimeoutError:
        return False
    finally:
        process.send_signal(signal.SIGCONT)
    return True


def main() -> None:
    """Measure both and write the table."""
    environment = {"PRUNELAB_RUNS": sys.argv[1] if len(sys.argv) > 1 else str(default())}
    store = RunStore(environment["PRUNELAB_RUNS"])
    run = default_run(store)
    assert run is not None
    profile = store.profile(run.id, PruningConfig())
    assert profile is not None
    built, sparsity = pruning_panel(store, run.id), 100 * float(profile.sparsity[FIRST])

    rows: list[Row] = []
    measured: dict[str, Any] = {}
    with (
        serving("streamlit_app.py", environment) as (port, process),
        serving("benchmarks/apps/plain_slider.py", environment) as (plain_port, _),
        chromium() as browser,
    ):
        for screen, height in SCREENS.items():
            path = f"prune?run={run.id}&sparsity={sparsity:.10g}"
            panel_app = opened(browser, port, path, SLIDER, ".live-panel[data-drawn]", height)
            plain_app = opened(browser, plain_port, f"?stop={FIRST}", PLAIN_SLIDER, ".js-plotly-plot", height)
            shown = [i for i in on_screen(panel_app, height) if i < len(built.figures)]
            ours = moves(panel_app, partial(wanted, built, shown))
            plain = moves(plain_app, partial(wanted, built, on_screen(plain_app, height)))
            pairs = [(next(ours), next(plain)) for _ in range(MOVES)][2:]
            for app, times in zip(("the live panel", "st.slider (baseline)"), zip(*pairs, strict=True), strict=True):
                rows.append(row(screen, app, times, [p for _, p in pairs]))
                measured[f"{screen}, {app}"] = spread(times)
            if screen == next(iter(SCREENS)):
                drawn, kept = passed_over(panel_app.page)
                measured["panel"] = {
                    "stops": len(built.stops),
                    "stops drawn when passed over in 4 s": drawn,
                    "share of nodes kept": kept,
                    "answers while the server is stopped": answers_without_server(panel_app.page, process),
                }
            panel_app.page.close()
            plain_app.page.close()
        rows += first_screens(browser, port, f"run={run.id}&sparsity={sparsity:.10g}", measured)
    save("live", rows, measured)
    print(json.dumps(measured["panel"], indent=1))


def first_screens(browser: Browser, port: int, query: str, measured: dict[str, Any]) -> list[Row]:
    """The Overview's wall against the Prune page, in turns: until all that is on the screen shows the new stop."""
    height = next(iter(SCREENS.values()))
    names = {"Overview, the wall": f"?{query}", "Prune (baseline)": f"prune?{query}"}
    apps = [opened(browser, port, path, SLIDER, ".live-panel[data-drawn]", height) for path in names.values()]
    turns = [moves(app, lambda stop: [stop]) for app in apps]
    times = [list(each) for each in zip(*([next(turn) for turn in turns] for _ in range(MOVES)), strict=True)]
    measured |= {name: spread(each[2:]) for name, each in zip(names, times, strict=True)}
    return [row("the first screen", name, each[2:], times[1][2:]) for name, each in zip(names, times, strict=True)]


def row(screen: str, app: str, times: Sequence[float], baseline: Sequence[float]) -> Row:
    return {
        "screen": screen,
        "app": app,
        "median (ms)": round(float(np.median(times)), 1),
        "95th percentile (ms)": round(float(np.percentile(times, 95)), 1),
        "times sooner": round(float(np.median(baseline) / np.median(times)), 1),
    }


if __name__ == "__main__":
    main()
