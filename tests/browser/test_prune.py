"""The Prune page in a browser: the panel answers the finger, nodes stay, the URL follows, a link comes back."""

import re
import signal
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from benchmarks.browser import until
from core.evaluation.profile import DEFAULT_STOP, STOPS
from core.pruning import PruningConfig
from core.run import Run
from core.store.runs import RunStore
from tests.browser.conftest import Server
from tests.browser.steps import compete, drawn

pytestmark = pytest.mark.browser


FRAMEWORKS_OWN: set[str] = set()
"""Axe's rules that the framework's own elements break: none."""


def slider(page: Page) -> Any:
    return page.get_by_role("slider", name="Sparsity")


def test_the_panel_opens_at_the_default_with_k_of_n(visit: Any, shelved: tuple[Path, Run, Run]) -> None:
    run = shelved[1]
    page = drawn(visit().open(f"prune?run={run.id}"))
    k = round(DEFAULT_STOP / 100 * run.weights)
    stop = slider(page).get_attribute("aria-valuetext").replace("\N{NO-BREAK SPACE}", " ")
    assert re.fullmatch(rf"0\.01 %, {k} of [\d,]+ weights", stop)


def test_dragging_moves_numbers_and_figures_and_keeps_every_node(visit: Any, shelved: tuple[Path, Run, Run]) -> None:
    page = drawn(visit().open(f"prune?run={shelved[1].id}"))
    page.evaluate(
        "document.querySelectorAll('.plot, .plot .main-svg, .readouts > div').forEach((n, i) => (n.dataset.mark = i))"
    )
    marked = page.locator("[data-mark]").count()
    top = page.evaluate("document.querySelector('.live-panel').getBoundingClientRect().height")
    box = slider(page).bounding_box()
    page.mouse.move(box["x"] + 0.12 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    for share in (0.3, 0.5, 0.7, 0.8):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2, steps=3)
    before_release = page.url
    expect(page.locator(".live-panel .answer")).to_contain_text("correct answers lost")
    assert "sparsity=0.01" in before_release  # nothing has been sent yet
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"sparsity=(?!0\.01&)[\d.]+"))
    expect(page.locator("[data-mark]")).to_have_count(marked)
    assert page.evaluate("document.querySelector('.live-panel').getBoundingClientRect().height") == top
    profile = RunStore(shelved[0]).profile(shelved[1].id, PruningConfig())
    row = int(slider(page).input_value())
    shown = page.evaluate("document.querySelector('#plot-pruned').data[0].z.flat().reduce((a, b) => a + b, 0)")
    assert profile is not None and shown == len(profile.predicted[row])
    expect(page.locator(".readouts dd").first).to_have_text(f"{profile.k[row]:,} of {profile.total:,}")


def test_a_rerun_between_a_move_and_its_frame_takes_nothing_back(visit: Any) -> None:
    """What comes from the server in the few milliseconds before a move is drawn must not draw the stop of before."""
    page = drawn(visit().open("prune?sparsity=50"))
    page.get_by_role("button", name="Display").click()
    switch = page.get_by_text("Logarithmic counts")
    switch.scroll_into_view_if_needed()
    start = int(slider(page).input_value())
    page.evaluate(
        """() => {
          const slider = document.querySelector(".live-panel input"), soon = requestAnimationFrame, held = []
          const ofPanel = /this.pending = undefined/
          window.requestAnimationFrame = (call) => (ofPanel.test(call) ? held.push(call) : soon(call))
          window.go = () => {
            window.requestAnimationFrame = soon
            held.forEach((call) => call(performance.now()))
          }
          slider.dispatchEvent(new PointerEvent("pointerdown"))
          slider.value = Number(slider.value) + 1
          slider.dispatchEvent(new Event("input"))
        }"""
    )
    switch.click()
    page.wait_for_url(re.compile("log=true"))
    page.wait_for_timeout(500)
    page.evaluate("go()")
    expect(page.locator(".live-panel")).to_have_attribute("data-drawn", str(start + 1))
    assert int(slider(page).input_value()) == start + 1


def test_keys_move_one_stop_ten_stops_and_to_the_ends(visit: Any, shelved: tuple[Path, Run, Run]) -> None:
    page = drawn(visit().open(f"prune?run={shelved[1].id}"))
    slider(page).focus()
    start = int(slider(page).input_value())
    for key, stop in (
        ("ArrowRight", start + 1),
        ("PageUp", start + 11),
        ("PageDown", start + 1),
        ("Home", 0),
        ("End", 41),
    ):
        slider(page).press(key)  # takes the focus anew, should a rerun have taken it away
        expect(page.locator(f'.live-panel[data-drawn="{stop}"]')).to_have_count(1)
    expect(page).to_have_url(re.compile(r"sparsity=100"))


def test_a_copied_link_opens_the_same_view_after_a_restart(
    visit: Any, server: Server, shelved: tuple[Path, Run, Run]
) -> None:
    first = visit()
    page = drawn(first.open(f"prune?run={shelved[2].id}&criterion=magnitude&scope=global&sparsity=80"))
    answer = page.locator(".live-panel .answer").inner_text()
    link = page.url
    first.page.close()
    server.stop()
    server.start()
    second = visit()
    again = drawn(second.open(link.removeprefix(server.url + "/")))
    assert again.locator(".live-panel .answer").inner_text() == answer
    assert again.url == link


def test_two_tabs_stand_at_different_stops(visit: Any) -> None:
    one, two = drawn(visit().open("prune?sparsity=1")), drawn(visit().open("prune?sparsity=90"))
    assert slider(one).input_value() != slider(two).input_value()
    assert one.locator(".live-panel .answer").inner_text() != two.locator(".live-panel .answer").inner_text()


@pytest.mark.parametrize("path", ["", "prune?sparsity=95", "train"])
def test_a_narrow_screen_does_not_scroll_sideways(visit: Any, path: str) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True).open(path)
    if "prune" in path:
        drawn(page)
    assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollWidth") <= 390


def test_figures_follow_a_screen_that_becomes_narrow(visit: Any) -> None:
    page = drawn(visit().open("prune"))
    page.set_viewport_size({"width": 390, "height": 844})
    wide = "[...document.querySelectorAll('.plot .main-svg')].filter((svg) => svg.getBoundingClientRect().width > 390)"
    until(page, f"{wide}.length === 0")


def test_dark_mode_gives_the_figures_light_text(visit: Any) -> None:
    page = drawn(visit(color_scheme="dark").open("prune"))
    colour = page.evaluate("getComputedStyle(document.querySelector('#plot-curve .ytick text')).fill")
    red = int(re.findall(r"\d+", colour)[0])
    assert red > 180


def test_a_click_on_the_curve_moves_the_slider_there(visit: Any, shelved: tuple[Path, Run, Run]) -> None:
    page = drawn(visit().open(f"prune?run={shelved[1].id}&sparsity=0"))
    stop = 25
    page.locator("#plot-curve").scroll_into_view_if_needed()
    x, y = page.evaluate(
        """(stop) => {
          const plot = document.querySelector("#plot-curve"), box = plot.getBoundingClientRect()
          const { xaxis, yaxis } = plot._fullLayout, trace = plot.data[1]
          return [
            box.x + xaxis._offset + xaxis.l2p(trace.x[stop]),
            box.y + yaxis._offset + yaxis.l2p(trace.y[stop]),
          ]
        }""",
        stop,
    )
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    expect(page.locator(f'.live-panel[data-drawn="{stop}"]')).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"sparsity={STOPS[stop]:g}(&|$)"))


def test_a_mark_moves_the_slider_to_the_stop_that_it_names(visit: Any) -> None:
    page = drawn(visit().open("prune?sparsity=99"))
    mark = page.get_by_role("button", name=re.compile("^first changed answer at "))
    sparsity = mark.inner_text().rpartition(" at ")[2]
    mark.click()
    expect(page.locator(".live-panel output")).to_contain_text(f"{sparsity},")
    expect(page).to_have_url(re.compile(rf"sparsity={sparsity.split()[0]}(&|$)"))


def test_play_sweeps_over_all_stops_and_pause_stays_where_it_is(visit: Any, shelved: tuple[Path, Run, Run]) -> None:
    page = drawn(visit().open(f"prune?run={shelved[1].id}&sparsity=0"))
    page.get_by_role("button", name="Play from 0 to 100 %").click()
    until(page, "Number(document.querySelector('.live-panel').dataset.drawn) >= 8")
    page.get_by_role("button", name="Pause").click()
    paused = int(slider(page).input_value())
    expect(page).to_have_url(re.compile(rf"sparsity={STOPS[paused]:g}(&|$)"))
    assert 8 <= int(slider(page).input_value()) == paused < 41
    page.get_by_role("button", name="Play from 0 to 100 %").click()
    page.wait_for_selector('.live-panel[data-drawn="41"]')
    expect(page).to_have_url(re.compile("sparsity=100(&|$)"))
    expect(page.get_by_role("button", name="Play from 0 to 100 %")).to_be_visible()


def test_pause_stays_at_the_stop_that_is_seen_though_the_next_one_is_about_to_be_drawn(
    visit: Any, shelved: tuple[Path, Run, Run]
) -> None:
    page = drawn(visit().open(f"prune?run={shelved[1].id}&sparsity=0"))
    page.evaluate(
        "window.requestAnimationFrame = draw => setTimeout(() => draw?.call?.(window, performance.now()), 700)"
    )
    page.get_by_role("button", name="Play from 0 to 100 %").click()
    until(page, "Number(document.querySelector('.live-panel input[type=range]').value) >= 4")
    paused = page.evaluate(
        """() => {
          document.querySelector('.live-panel .play').click()
          return Number(document.querySelector('.live-panel input[type=range]').value)
        }"""
    )
    expect(page).to_have_url(re.compile(rf"sparsity={STOPS[paused]:g}(&|$)"))
    assert int(slider(page).input_value()) == paused


def test_a_finger_drags_the_slider(visit: Any) -> None:
    visitor = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = drawn(visitor.open("prune"))
    slider(page).scroll_into_view_if_needed()
    box = slider(page).bounding_box()
    devtools = page.context.new_cdp_session(page)
    y = box["y"] + box["height"] / 2

    def touch(kind: str, *points: float) -> None:
        at = [{"x": box["x"] + share * box["width"], "y": y} for share in points]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", 0.15)
    for step in range(20):
        touch("touchMove", 0.15 + step * 0.03)
    expect(page.locator(".live-panel .answer")).to_contain_text("correct answers lost")
    assert "sparsity=0.01" in page.url  # nothing has been sent yet
    touch("touchEnd")
    expect(page).to_have_url(re.compile(r"sparsity=(?!0\.01&)[\d.]+"))


def test_another_profile_is_swapped_in_place(visit: Any, shelved: tuple[Path, Run, Run]) -> None:
    store = RunStore(shelved[0])
    run = next(run for run in store.runs() if run.reference and run.network == "lenet")  # with both profiles
    page = drawn(visit().open(f"prune?run={run.id}&sparsity=60"))
    page.evaluate(
        "document.querySelectorAll('.live-panel, .plot, .readouts > div').forEach((n) => (n.dataset.mark = 1))"
    )
    marked, before = page.locator("[data-mark]").count(), page.locator(".live-panel .answer").inner_text()
    compete(page, "Layerwise")
    expect(page.locator(".live-panel .answer")).not_to_have_text(before)
    expect(page).to_have_url(re.compile("scope=layerwise"))
    expect(page.locator("[data-mark]")).to_have_count(marked)
    profile = store.profile(run.id, PruningConfig(scope="layerwise"))
    assert profile is not None
    row = profile.stop_index(60)
    expect(page.locator(".readouts dd").first).to_have_text(f"{profile.k[row]:,} of {profile.total:,}")


def test_zoom_survives_the_next_stop(visit: Any) -> None:
    page = drawn(visit().open("prune?sparsity=50"))
    page.evaluate("Plotly.relayout('plot-curve', {'yaxis.range': [80, 95], 'yaxis.autorange': false})")
    slider(page).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(600)
    assert page.evaluate("document.querySelector('#plot-curve')._fullLayout.yaxis.range") == [80, 95]


def test_options_are_drawn_kept_in_the_link_and_do_not_ask_for_the_figures_again(visit: Any) -> None:
    visitor = visit()
    page = drawn(visitor.open("prune?sparsity=50"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "panel.json" in request.url else None)
    page.get_by_role("button", name="Display").click()
    page.get_by_text("Logarithmic counts").click()
    log = "document.querySelector('#plot-distributions').layout?.yaxis.type === 'log'"
    until(page, log)
    expect(page).to_have_url(re.compile("log=true"))
    assert not asked
    page.goto(page.url)
    until(drawn(page), log)


def test_the_kernels_of_a_layer_are_asked_for_alone(visit: Any) -> None:
    page = drawn(visit().open("prune?sparsity=50"))
    until(page, "Boolean(document.querySelector('#plot-kernels').data)")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "panel.json" in request.url else None)
    page.get_by_role("radiogroup", name="Kernels of").get_by_text("conv2").click()
    until(
        page,
        "document.querySelector('#plot-kernels').previousElementSibling.textContent.startsWith('Kernels of conv2')",
    )
    assert len(asked) == 1 and "kernels=" in asked[0]
    covered = "document.querySelector('#plot-kernels').data[1].z.flat().filter((z) => z === 1).length"
    until(page, f"{covered} > 0")


def test_the_panel_goes_on_without_the_server(visit: Any, server: Server, shelved: tuple[Path, Run, Run]) -> None:
    page = drawn(visit().open(f"prune?run={shelved[1].id}"))
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        slider(page).focus()
        for key, stop in (("Home", 0), ("PageUp", 10), ("ArrowRight", 11)):
            page.keyboard.press(key)
            expect(page.locator(f'.live-panel[data-drawn="{stop}"]')).to_have_count(1)
    finally:
        server.process.send_signal(signal.SIGCONT)
    expect(page).to_have_url(re.compile(rf"sparsity={STOPS[11]:g}(&|$)"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "train", "prune?sparsity=90"])
def test_axe_finds_nothing_of_our_own(visit: Any, path: str, scheme: str) -> None:
    page = visit(color_scheme=scheme).open(path)
    if "prune" in path:
        drawn(page)
    found = Axe().run(page).response["violations"]
    ours = {
        violation["id"]: [node["html"] for node in violation["nodes"]]
        for violation in found
        if violation["id"] not in FRAMEWORKS_OWN
    }
    assert not ours


def test_back_goes_through_the_views_that_were_looked_at(visit: Any) -> None:
    page = visit().open("prune")
    drawn(page)
    field = page.get_by_role("textbox", name="Exact sparsity")
    for typed in ("50", "90"):
        field.fill(typed)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(rf"sparsity={typed}\b"))
        drawn(page)
    page.get_by_role("button", name="Display").click()
    page.get_by_text("Logarithmic counts").click()
    expect(page).to_have_url(re.compile("log=true"))
    for before in ("50", "0.01"):
        page.go_back()
        expect(page).to_have_url(re.compile(rf"sparsity={before}\b"))
        expect(field).to_have_value(before)
        expect(page.locator(".live-panel output").first).to_contain_text(f"{before}\u00a0%")
