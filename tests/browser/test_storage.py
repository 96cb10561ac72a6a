"""The Storage page in a browser: bytes under the finger, the ledger at the stop, what rounding costs, the numbers."""

import re
import zipfile
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from core.cost import compact
from core.cost.ledger import COMPACT, ENTRIES, Weighing
from core.cost.tradeoff import RETRAINED, Comparing, in_words
from core.pruning import PruningConfig, prune, rank
from core.store.results import Results
from core.store.runs import RunStore
from tests.browser.steps import CONVNET, LENET

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def taken() -> dict[float, int]:
    """Bytes of the compact encoding by percent, of the ledger that ships."""
    ledger = Results(RunStore()).get(Weighing(run_id=LENET))
    assert ledger is not None
    return dict(zip((100 * ledger.sparsity).round(9).tolist(), ledger.bytes[COMPACT.key].tolist(), strict=True))


def test_the_slider_moves_the_bytes_and_the_ledger_follows_where_it_rests(visit: Any, taken: dict[float, int]) -> None:
    page = visit().open(f"storage?run={LENET}&sparsity=50")
    expect(page.locator(".answer")).to_contain_text(f"{taken[50.0]:,}")
    lines = page.get_by_role("region", name="Byte ledger").locator("tbody tr")
    expect(lines).to_have_count(10)
    page.get_by_text(re.compile("^All .* ways to write the kernels")).click()
    expect(lines).to_have_count(len(ENTRIES))
    expect(page).to_have_url(re.compile("all=true"))
    page.locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".answer")).to_contain_text(f"{taken[55.0]:,}")
    expect(page).to_have_url(re.compile("sparsity=55"))
    expect(page.locator("h2").first).to_contain_text("At 55\u00a0% the smallest lossless form")
    expect(page.locator("h2").first).to_contain_text(f"{taken[55.0]:,}")
    page.goto(page.url)
    expect(page.locator("h2").first).to_contain_text(f"{taken[55.0]:,}")


def test_a_sparsity_between_the_stops_is_written_down_when_asked_for(visit: Any) -> None:
    page = visit().open(f"storage?run={LENET}&sparsity=42.5")
    expect(page.locator("h2").first).to_contain_text("At 42.5\u00a0% the smallest lossless form")
    expect(page.locator("output")).to_contain_text("42.5\u00a0%")


def test_what_rounding_costs_is_measured_at_a_click(visit: Any) -> None:
    page = visit().open(f"storage?run={LENET}&sparsity=50")
    page.get_by_role("button", name="Measure the accuracy").click()
    told = page.get_by_text("answers changed, McNemar p")
    expect(told).to_have_count(3)
    assert "of 10,000" in told.first.inner_text()


def test_whether_it_is_faster_is_measured_at_a_click(visit: Any) -> None:
    page = visit().open(f"storage?run={LENET}&sparsity=90")
    page.get_by_role("button", name="Measure the time").click()
    rows = page.get_by_role("region", name="Times").locator("tbody tr")
    expect(rows).to_have_count(12)
    note = page.get_by_text("“Times as fast” compares").inner_text()
    assert "rounds on this server" in note and "of 226 filters are idle" in note
    expect(rows.filter(has_text="ONNX Runtime")).to_have_count(4)


def test_the_numbers_are_taken_away(visit: Any, taken: dict[float, int]) -> None:
    page = visit().open(f"storage?run={LENET}")
    with page.expect_download() as download:
        page.locator(".st-key-csv-bytes").get_by_role("button", name="Numbers (CSV)").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "type,encoding,compressor,sparsity,weights zero,weights,bytes"
    assert any(line.startswith("float32,compact,none,0.5,") and line.endswith(f",{taken[50.0]}") for line in lines)


def test_the_pruned_network_is_taken_away_checked_and_read_again(visit: Any) -> None:
    page = visit().open(f"storage?run={LENET}&sparsity=90")
    page.get_by_role("button", name="Prepare the files").click()
    checked = page.get_by_text("was run by ONNX Runtime: on 10,000 test images")
    expect(checked).to_be_visible()
    expect(page.locator("code").filter(has_text="def network(images)")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="All files (zip)").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        weights, notes = compact.unpack(archive.read("network.plab"))
        assert {"weights.pt", "network.py", "network.onnx", "MODEL_CARD.md"} <= {*archive.namelist()}
    assert notes["run"] == LENET and notes["k"] == 39_771
    store = RunStore()
    ranking = rank(store.weights(LENET), PruningConfig())
    expected = prune(store.weights(LENET), ranking, 0.9)
    assert {name: w.tobytes() for name, w in weights.items()} == {name: w.tobytes() for name, w in expected.items()}


def test_weights_and_filters_of_the_run_that_ships_stand_side_by_side(visit: Any) -> None:
    found = Results(RunStore()).get(Comparing(run_id=LENET))
    assert found is not None
    page = visit().open(f"storage?run={LENET}&sparsity=90")
    expect(page.get_by_text(in_words(found)[:60])).to_be_visible()
    rows = page.get_by_role("region", name="Weights and filters").locator("tbody tr")
    expect(rows).to_have_count(2 * len(RETRAINED))
    best = found.line("filters", retrained=True)[1]
    expect(rows.filter(has_text="Filters, 50")).to_contain_text(f"{100 * best.comparison.pruned.value:.2f}")
    with page.expect_download() as download:
        page.locator(".st-key-csv-filters").get_by_role("button", name="Numbers (CSV)").click()
    assert len(download.value.path().read_text().splitlines()) == 1 + len(found.points)


LONELIEST = """(plot, run) => {
  const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect()
  const points = plot.data.flatMap(({ ids, x, y }) => (ids ?? []).map((id, i) => ({
    id, left: box.x + xaxis._offset + xaxis.d2p(x[i]), top: box.y + yaxis._offset + yaxis.d2p(y[i]) })))
  const alone = (a) => Math.min(...points.filter((b) => b !== a).map((b) => Math.hypot(a.left - b.left, a.top - b.top)))
  return points.filter(({ id }) => id.startsWith(run)).sort((a, b) => alone(b) - alone(a))[0]
}"""
"""Of a run's points the one that is farthest from all others, and where it is."""


@pytest.mark.parametrize("touch", [False, True])
def test_a_clicked_point_of_the_frontier_opens_its_network(visit: Any, touch: bool) -> None:
    screen = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True} if touch else {}
    page = visit(**screen).open(f"storage?run={LENET}&sparsity=50")
    plot = page.locator(".still .plot[data-mark]")
    plot.scroll_into_view_if_needed()
    before = plot.get_attribute("data-mark")
    point = plot.evaluate(LONELIEST, CONVNET)
    (page.touchscreen.tap if touch else page.mouse.click)(point["left"], point["top"])
    sparsity = point["id"].removeprefix(f"{CONVNET}@")
    expect(page).to_have_url(re.compile(f"run={CONVNET}.*sparsity={re.escape(sparsity)}(&|$)"))
    expect(page.get_by_text(re.compile(f"^In view: .*pruned to {re.escape(sparsity)}"))).to_be_visible()
    expect(plot).not_to_have_attribute("data-mark", before)

    best = page.get_by_role("region", name="Best within a budget").get_by_role("button", name="Open").first
    opens = best.get_attribute("aria-label")
    best.press("Enter")
    expect(page).to_have_url(re.compile(f"sparsity={re.escape(opens.split(' at ')[1].split()[0])}(&|$)"))


def test_a_narrow_screen_does_not_scroll_sideways(visit: Any) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True).open(f"storage?run={LENET}&all=true")
    expect(page.get_by_role("region", name="Byte ledger").locator("tbody tr")).to_have_count(len(ENTRIES))
    assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_of_our_own(visit: Any, scheme: str) -> None:
    page = visit(color_scheme=scheme).open(f"storage?run={LENET}&sparsity=90&all=true")
    expect(page.get_by_role("region", name="Byte ledger").locator("tbody tr")).to_have_count(len(ENTRIES))
    found = Axe().run(page).response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]
