"""Seconds until a visitor sees a page, in headless Chromium: the first of a server just started, and one after that.

Three moments: the browser's own first contentful paint; the answer in words and numbers, the page's script having run;
and all figures on the screen drawn. Then for three seconds every shift of the layout is added up (the browser's own
measure, CLS). Each start is a new server on an empty store.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page

from benchmarks.browser import SETTLED, chromium, until
from benchmarks.results import Row, save, spread
from benchmarks.session import serving

STARTS = 5
PANEL = ("document.querySelector('.readouts dd')?.textContent", "document.querySelector('.live-panel[data-drawn]')")
STUDY = ("document.querySelector('h2')?.textContent", "document.querySelector('.js-plotly-plot .main-svg')")
"""What is there once the answer can be read, and once all figures on the screen are drawn."""
PAGES = {"?sparsity=90": PANEL, "prune?sparsity=90": PANEL, "study": STUDY}
MOMENTS = ("first paint (s)", "answer (s)", "figures (s)")
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
WATCH = """
window.moments = {}
new MutationObserver(() => {
  for (const [name, there] of Object.entries({ answer: () => ANSWER, figures: () => FIGURES }))
    if (!(name in moments) && there()) moments[name] = performance.now()
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true })
"""
"""In the page, as it grows: asking from outside would have to wait while the page is busy."""
SHIFTS = """() => new Promise((resolve) => {
  let sum = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value
  }).observe({ type: "layout-shift" })
  setTimeout(() => resolve(sum), 3000)
})"""


@contextmanager
def tab(browser: Browser) -> Iterator[Page]:
    """A visitor who has never been here."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()


def seen(page: Page, url: str, answer: str, figures: str) -> tuple[float, ...]:
    """Seconds until each moment, and how much the layout shifts after the last."""
    page.add_init_script(WATCH.replace("ANSWER", answer).replace("FIGURES", figures))
    page.goto(url)
    page.wait_for_selector(SETTLED, state="attached", timeout=60_000)
    until(page, "moments.answer && moments.figures")
    moments = page.evaluate(f"[{PAINT}, moments.answer, moments.figures]")
    return *(float(moment) / 1000 for moment in moments), float(page.evaluate(SHIFTS))


def main() -> None:
    """Measure and write the table."""
    found: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    with chromium() as browser:
        for _ in range(STARTS):
            for path, shown in PAGES.items():
                with TemporaryDirectory() as store, serving("streamlit_app.py", {"PRUNELAB_RUNS": store}) as (port, _):
                    for visitor in ("first of a cold server", "second"):
                        with tab(browser) as page:
                            values = found.setdefault((path, visitor), [])
                            values.append(seen(page, f"http://127.0.0.1:{port}/{path}", *shown))
    rows: list[Row] = [
        {
            "page": path.partition("?")[0] or "overview",
            "visitor": visitor,
            **{f"median until {MOMENTS[at]}": round(median(each[at] for each in values), 2) for at in range(3)},
            "largest until figures (s)": round(max(each[2] for each in values), 2),
            "largest layout shift after": round(max(each[3] for each in values), 4),
        }
        for (path, visitor), values in found.items()
    ]
    measured = {
        f"{path} {visitor}, {MOMENTS[at]}": spread([each[at] for each in values])
        for (path, visitor), values in found.items()
        for at in range(3)
    }
    save("first_paint", rows, measured)


if __name__ == "__main__":
    main()
