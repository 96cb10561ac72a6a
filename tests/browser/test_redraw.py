"""A figure that the slider moved is the one that plotly.js draws as a whole, to each attribute of each node."""

from typing import Any

import pytest
from playwright.sync_api import Page

from benchmarks.browser import until
from tests.browser.steps import CONVNET, LENET, MINI, drawn

pytestmark = pytest.mark.browser

KEYS = ("ArrowRight", "PageUp", "PageUp", "ArrowLeft", "Home", "PageUp", "End", "PageDown")

COUNTED = """() => {
  window.drew = { react: {}, relayout: {} }
  for (const name of Object.keys(drew)) {
    const draw = Plotly[name]
    Plotly[name] = (plot, ...rest) => {
      drew[name][plot.id] = (drew[name][plot.id] ?? 0) + 1
      return draw.call(Plotly, plot, ...rest)
    }
  }
}"""
"""From now on, how often each figure is drawn whole, and how often what stands on it."""

AGAIN = """async (plot) => {
  await Plotly.react(plot, structuredClone(plot.data), structuredClone(plot.layout))
}"""
"""Draw the whole figure."""

SHOWN = """(plot) => {
  const nodes = [...plot.querySelectorAll("svg.main-svg")].map((svg) => svg.innerHTML).join("")
  const plain = (value) => (Array.isArray(value) ? value.every(plain) : typeof value !== "object" || value === null)
  const kept = ([name, value]) => !name.startsWith("_") && plain(value) && JSON.stringify(value ?? null) !== "null"
  const said = (point) => Object.fromEntries(Object.entries(point).filter(kept))
  return [nodes, ...plot.calcdata.map((points) => JSON.stringify(points.map(said)))].flatMap((part) => part.split(">"))
}"""
"""What one sees of it, and what it says on hover."""


def moved(page: Page, key: str) -> None:
    """A key on the slider; all figures show it when this returns, those out of sight too."""
    page.focus(".live-panel input")
    page.keyboard.press(key)
    page.evaluate("() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))")
    until(
        page,
        "document.querySelector('.live-panel').dataset.drawn === document.querySelector('.live-panel input').value",
    )


@pytest.mark.parametrize(
    ("path", "quick"),
    [
        (f"prune?run={LENET}", 9),
        (f"prune?run={CONVNET}&repair=refit", 9),
        (f"storage?run={LENET}", 1),
        (f"images?run={LENET}", 1),
        (f"images?run={LENET}&section=Class+by+class&repair=refit", 1),
        (f"images?run={LENET}&image=3", 0),
        (f"?run={CONVNET}", 1),
    ],
)
def test_what_a_stop_changes_is_drawn_as_the_whole_figure_would_be(visit: Any, path: str, quick: int) -> None:
    page = drawn(visit(viewport={"width": 1400, "height": 6000}).open(path))
    until(page, "[...document.querySelectorAll('.live-panel .plot:not(.of-wall .plot)')].every((plot) => plot.data)")
    plots = page.query_selector_all(".live-panel .js-plotly-plot")
    for plot in plots:
        plot.evaluate(AGAIN)
    page.evaluate(COUNTED)
    for key in KEYS:
        moved(page, key)
        for plot in plots:
            seen = plot.evaluate(SHOWN)
            plot.evaluate(AGAIN)
            assert plot.evaluate(SHOWN) == seen, (key, plot.get_attribute("id"))
    react, relayout = page.evaluate("[drew.react, drew.relayout]")
    spared = [name for name, times in react.items() if times < 2 * len(KEYS)]
    assert len(spared) >= quick, (react, relayout)


def test_every_number_of_a_matrix_is_there_after_each_move(visit: Any) -> None:
    page = drawn(visit(viewport={"width": 1400, "height": 6000}).open(f"prune?run={LENET}"))
    until(page, "document.querySelector('#plot-pruned').data")
    for key in KEYS:
        moved(page, key)
        shown, given = page.evaluate("""() => {
          const kept = (texts) => texts.map((text) => text.trim()).filter(Boolean).sort()
          const plot = document.querySelector("#plot-pruned")
          const nodes = [...plot.querySelectorAll(".textpoint text")]
          return [kept(nodes.map((node) => node.textContent)), kept(plot.data[1].text)]
        }""")
        assert shown == given and len(given) >= 10, key


@pytest.mark.parametrize(("path", "figures"), [("study", "figure.still"), (f"prune?run={LENET}", ".live-panel")])
def test_a_figure_that_leaves_the_page_while_it_is_drawn_is_no_error(visit: Any, path: str, figures: str) -> None:
    page = visit().open(path)
    until(page, f"document.querySelector('{figures} .plot')?.data")
    page.evaluate(
        """(figures) => {
          const react = Plotly.react
          Plotly.react = async (...given) => {
            await react.call(Plotly, ...given)
            for (const plot of document.querySelectorAll(`${figures} .plot`)) plot.remove()
            window.gone = true
          }
        }""",
        figures,
    )
    page.set_viewport_size({"width": 700, "height": 900})
    until(page, "window.gone")
    page.evaluate("() => new Promise((next) => setTimeout(next, 500))")  # `visit` fails at a console error


DRAWN = """() => {
  window.times = {}
  for (const plot of document.querySelectorAll(".live-panel .js-plotly-plot"))
    for (const kind of plot._fullLayout._basePlotModules)
      if (!kind.counted) {
        const draw = kind.plot
        Object.assign(kind, { counted: true, plot: (plot, ...rest) => {
          times[plot.id] = (times[plot.id] ?? 0) + 1
          return draw(plot, ...rest)
        }})
      }
}"""
"""From now on, how often the traces of each figure are drawn, by plotly.js or by us."""

FRAMES = "() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(next, 100))))"


def test_a_figure_that_a_stop_does_not_change_is_not_drawn(visit: Any) -> None:
    page = drawn(visit(viewport={"width": 1400, "height": 6000}).open(f"prune?run={MINI}&sparsity=10"))
    page.evaluate(DRAWN)
    moved(page, "ArrowRight")  # its own training has pruned 90 %, so these weights are zeros already
    times = page.evaluate("times")
    assert times["plot-curve"] == 1 and not times.keys() & {"plot-distributions", "plot-zoom", "plot-pruned"}


def test_a_move_is_drawn_at_once_and_of_many_in_a_frame_the_first_and_the_last(visit: Any) -> None:
    page = drawn(visit(viewport={"width": 1400, "height": 6000}).open(f"prune?run={LENET}&sparsity=50"))
    page.evaluate(DRAWN)
    at_once = page.evaluate("""() => {
      const slider = document.querySelector(".live-panel input")
      const to = (stop) => {
        slider.value = stop
        slider.dispatchEvent(new Event("input", { bubbles: true }))
        return times["plot-curve"]
      }
      return [5, 6, 7, 8].map(to)
    }""")
    page.evaluate(FRAMES)
    assert at_once == [1, 1, 1, 1] and page.evaluate("times")["plot-curve"] == 2
    assert page.evaluate("document.querySelector('.live-panel').dataset.drawn") == "8"
