"""A view as plain PyTorch, on the page: it follows the slider, and is downloaded with what it opens."""

import json
import zipfile
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from core.pruning import PruningConfig
from core.store.runs import RunStore
from tests.browser.steps import LENET, drawn

pytestmark = pytest.mark.browser


def test_it_follows_the_slider_and_is_downloaded_with_its_files(visit: Any) -> None:
    page = drawn(visit().open(f"prune?run={LENET}&sparsity=50"))
    page.get_by_text("Show the PyTorch").click()
    code = page.get_by_test_id("stCode")
    expect(code).to_contain_text("k = 22095")
    page.locator(".live-panel input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    profile = RunStore().profile(LENET, PruningConfig())
    assert profile is not None
    k = int(profile.k[profile.stop_index(55)])
    expect(code).to_contain_text(f"k = {k}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Script, notebook and weights (ZIP)").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert {*archive.namelist()} == {"prune.py", "prune.ipynb", "weights.npz"}
        assert f"k = {k}" in archive.read("prune.py").decode()
    with page.expect_download() as download:
        page.get_by_role("button", name="Notebook (IPYNB)").click()
    assert json.loads(download.value.path().read_text())["nbformat"] == 4


def test_axe_finds_nothing_of_our_own(visit: Any) -> None:
    page = drawn(visit().open(f"prune?run={LENET}&sparsity=50"))
    page.get_by_text("Show the PyTorch").click()
    expect(page.get_by_role("button", name="Notebook (IPYNB)")).to_be_visible()
    found = Axe().run(page, context="[data-testid=stExpander]").response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]
