"""Debian's chromium, headless and quiet."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests import patience

_OMNIBOX = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup")
"""Pages of the address bar, which nobody sees: each new window renders them, at a third of the browser's work."""

_PLAYWRIGHTS = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "TcpPortRandomizationWin,OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch"
)
"""What Playwright switches off itself: of two such lists chromium takes the last."""

FLAGS = [
    f"--disable-features={_PLAYWRIGHTS},{','.join(_OMNIBOX)}",
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-quic", "--no-first-run"),
]
SETTLED = '[data-testid="stApp"][data-test-script-state="notRunning"]'
"""Matches once the page's script has run."""


def launch(playwright: Playwright) -> Browser:
    path = shutil.which("chromium")
    assert path, "Chromium is missing; run `make browser-test`, which installs it."
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true in the page; Playwright's own way is forbidden by the app's content policy."""
    patience.until(lambda: page.evaluate(expression), f"This is not true: {expression}", every=0.02)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the time of the block."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
