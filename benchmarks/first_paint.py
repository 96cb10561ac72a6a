"""Seconds until a visitor sees a page, in headless Chromium: the first of a server just started, and one after that.

A page counts as seen when its script has run and its figures are drawn. Then for three seconds
every shift of the layout is added up (the browser's own measure, CLS). Each start is a new server on an empty store.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page

from benchmarks.browser import SETTLED, chromium, until
from benchmarks.results import Row, save, spread
from benchmarks.session import serving

STARTS = 5
PAGES = {
    "": "document.querySelector('.js-plotly-plot .main-svg')",
    "prune?sparsity=90": "document.querySelector('.live-panel[data-drawn]')",
}
"""Each with what is there once it is seen."""
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


def seen(page: Page, url: str, there: str) -> tuple[float, float]:
    """Seconds until the page is seen, and how much its layout shifts after that."""
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(SETTLED, state="attached", timeout=60_000)
    until(page, f"Boolean({there})", 60)
    seconds = time.perf_counter() - began
    return seconds, float(page.evaluate(SHIFTS))


def main() -> None:
    """Measure and write the table."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with chromium() as browser:
        for _ in range(STARTS):
            for path, there in PAGES.items():
                with TemporaryDirectory() as store, serving("streamlit_app.py", {"PRUNELAB_RUNS": store}) as (port, _):
                    for visitor in ("first of a cold server", "second"):
                        with tab(browser) as page:
                            values = found.setdefault((path, visitor), [])
                            values.append(seen(page, f"http://127.0.0.1:{port}/{path}", there))
    rows: list[Row] = [
        {
            "page": path.partition("?")[0] or "overview",
            "visitor": visitor,
            "median (s)": round(sorted(seconds for seconds, _ in values)[len(values) // 2], 2),
            "largest (s)": round(max(seconds for seconds, _ in values), 2),
            "largest layout shift after": round(max(shift for _, shift in values), 4),
        }
        for (path, visitor), values in found.items()
    ]
    measured = {f"{path} {visitor}": spread([s for s, _ in values]) for (path, visitor), values in found.items()}
    save("first_paint", rows, measured)


if __name__ == "__main__":
    main()
