"""A network of one's own becomes a run: readings, pictures, the slider, the gallery, the bytes, the download."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from onnx import ModelProto
from playwright.sync_api import Page, TimeoutError, expect

from benchmarks.browser import SETTLED
from core.store.runs import RunStore
from tests.browser.conftest import Server
from tests.browser.steps import opened, saved
from tests.graphs import exported, trained, write_pictures
from tests.patience import PATIENCE, until
from tests.test_brought import zipped

pytestmark = pytest.mark.browser

LONG = 1000 * PATIENCE  # ms


def choose_zip(page: Page) -> None:
    """Open the list of data sets, which a page that still runs closes again, until the zip can be chosen."""

    def chosen() -> bool:
        page.wait_for_selector(SETTLED, state="attached")
        page.get_by_role("combobox", name="Pictures").click()
        with suppress(TimeoutError):
            page.get_by_role("option", name="Upload a zip").click(timeout=3000)
            return True
        return False

    until(chosen, "The list does not stay open.")


def bring(page: Page, folder: Path, epochs: int = 12) -> None:
    """Bring a network of digits with its pictures, each twelve times as large, and have it evaluated."""
    write_pictures(folder / "digits", big=12)
    (folder / "digits.onnx").write_bytes(exported(trained(epochs)))
    (folder / "digits.zip").write_bytes(zipped(folder / "digits"))
    page.get_by_text("Bring a network of your own").click()
    page.locator('input[type="file"]').first.set_input_files(folder / "digits.onnx")
    expect(page.get_by_role("region", name="Layers").get_by_role("row")).to_have_count(4)
    choose_zip(page)
    expect(page.get_by_text("A zip with a folder of pictures for each class")).to_be_visible()
    page.locator('input[type="file"]').last.set_input_files(folder / "digits.zip")
    expect(page.get_by_text("digits.zip is kept as long as the network.")).to_be_visible()
    page.wait_for_selector(SETTLED, state="attached")
    page.get_by_role("button", name="Look at the pictures").click()
    expect(page.get_by_role("region", name="How pictures are read")).to_be_visible(timeout=LONG)


def test_it_is_read_evaluated_pruned_looked_at_and_taken_home(visit: Any, tmp_path: Path, server: Server) -> None:
    page = visit().open("train")
    bring(page, tmp_path)
    first = page.get_by_role("region", name="How pictures are read").get_by_role("row").nth(1)
    expect(first).to_contain_text("8 × 8, resize, NCHW")
    expect(page.get_by_text("638 test pictures of 10 classes. There is no training part")).to_be_visible()
    expect(page.get_by_alt_text("The same as the network sees it")).to_have_count(5)
    page.get_by_role("button", name="Evaluate it").click()
    expect(page.get_by_text("This network is evaluated.")).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Prune it").click()
    panel = page.get_by_text("of 3,208 weights set to zero.").first
    expect(panel).to_be_visible(timeout=LONG)
    run = page.url.partition("run=")[2][:12]
    expect(page.get_by_text("Do it from the command line")).to_be_visible()
    expect(page.get_by_text("Show the PyTorch")).to_have_count(0)

    visitor = page.url.partition("/prune")[0]
    page.goto(f"{visitor}/images?run={run}&sparsity=60")
    expect(page.get_by_text("of 638 images").first).to_be_visible(timeout=LONG)
    expect(page.locator(".picture").first).to_be_visible(timeout=LONG)

    page.goto(f"{visitor}/storage?run={run}&sparsity=50")
    expect(page.get_by_role("heading", name="Download the pruned network")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Would whole filters be better?")).to_have_count(0)
    page.get_by_role("button", name="Prepare the files").click()
    button = page.get_by_role("button", name="All files (zip)")
    expect(button).to_be_visible(timeout=LONG)
    with page.expect_download() as download:
        button.click()
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        assert ModelProto.FromString(archive.read("pruned.onnx")).graph.node
        assert "masks.safetensors" in archive.namelist()
    assert RunStore(server.store).get(run).brought is not None

    for path in ("prune", "images", "storage", ""):
        view, wrong = opened(page.context.new_page(), saved(visit, f"{path}?run={run}&sparsity=50", tmp_path))
        expect(view.get_by_role("row", name="SHA-256 of the file")).to_be_visible()
        assert not wrong, path
        view.close()
    page.goto(f"{visitor}/?run={run}")
    row = page.get_by_role("region", name="Accuracy before and after pruning").get_by_role("row").last
    expect(row).to_contain_text("In view: digits.onnx on digits, brought")
    expect(row).not_to_contain_text("Magnitude")  # that is how the others were pruned too
    expect(row.get_by_role("cell").last).to_have_text("638")


def test_on_a_phone_its_tables_and_pictures_fit(visit: Any, tmp_path: Path) -> None:
    page = visit(viewport={"width": 390, "height": 844}).open("train")
    bring(page, tmp_path, epochs=6)  # another network: that of the other test is evaluated already
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    expect(page.get_by_role("button", name="Evaluate it")).to_be_visible()
