"""Addresses and messages that no page of ours would send, through the real server: a sentence, never a trace."""

import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.session import EXACT, Session
from core.networks import NETWORKS
from core.store.runs import BESIDE, RunStore
from pages.ui.view.site import PAGES
from tests.browser.conftest import Server
from tests.browser.steps import asked

pytestmark = pytest.mark.browser

NAMES = (
    "run", "criterion", "scope", "repair", "beside", "sparsity", "log", "common", "layer", "filter", "input", "image",
    "section", "truth", "answer", "outcome", "true", "dense", "pruned", "moved", "order", "source", "kernels", "data",
    "networks", "part", "competing", "margin", "seed", "page", "all", "link", "predict", "room", EXACT,
)  # fmt: skip
NASTY = (
    "../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "\x00", "<script>alert(1)</script>", "';--",
    "{{7*7}}", "nan", "inf", "-0", "1e400", "1e-400", "99999999999999999999", "-1", "50%", "\u0661", "\U0001d7d9",
    "\ud7ff", "%00", "\u202e", "a" * 5000, "[]", "{}", "null", "true", "None", *NETWORKS, "8eb9a6882564", "magnitude",
    "amber-zebra-12",
)  # fmt: skip

values = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.floats().map(str), st.integers().map(str))
queries = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)
slow = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def encoded(query: dict[str, str]) -> str:
    return urlencode({name: value.encode("utf-8", "replace").decode() for name, value in query.items()})


@slow
@given(page=st.sampled_from([page.name for page in PAGES]), query=queries)
def test_no_address_makes_a_page_fail(server: Server, page: str, query: dict[str, str]) -> None:
    with Session(server.port, encoded(query)) as visitor:
        visitor.open(page)
        assert not visitor.errors


@slow
@given(
    page=st.sampled_from([page.name for page in PAGES]),
    stop=st.one_of(st.integers(-(10**12), 10**12), st.text(max_size=20), st.none(), st.lists(st.integers())),
    figure=st.sampled_from(("outcomes", "difference", "dense", "pruned", "true", "page")),
    form=st.sampled_from(("whole", "broken")),
    text=values,
)
def test_no_state_of_a_widget_makes_a_page_fail(
    server: Server, page: str, stop: object, figure: str, form: str, text: str
) -> None:
    moved = {"to": stop, "moves": stop} if form == "whole" else stop
    said = {
        "moved": moved,
        "picked": {"figure": figure, "x": text, "y": text},
        "opened": stop,
        "acted": [figure, text],
        "drawn": text,
        "sent": [stop, text],
    }
    with Session(server.port) as visitor:
        visitor.open(page)
        ours = ("panel", "gallery", "runs", "guess", "points", "budgets")
        for key in [key for key in visitor.widgets if any(part in key for part in ours)]:
            visitor.set(key, json_value=json.dumps(said))
            assert not visitor.errors
        if EXACT in visitor.widgets:
            visitor.set(EXACT, string_value=text.encode("utf-8", "replace").decode())
            assert not visitor.errors


guesses = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), values), st.lists, max_leaves=8)


@slow
@given(sent=st.one_of(guesses, st.lists(st.integers(-1, 101), min_size=5, max_size=5)), room=values)
def test_no_guess_makes_a_page_fail(server: Server, sent: object, room: str) -> None:
    with Session(server.port, encoded({"room": room})) as visitor:
        visitor.open("teach")
        visitor.send("guess", "sent", sent)
        assert not visitor.errors


@slow
@given(path=st.sampled_from(("panel.json", "story.json", "card.png", "qr.svg", "ready")), query=queries)
def test_no_address_makes_a_route_fail_or_gives_a_file(server: Server, path: str, query: dict[str, str]) -> None:
    status, _, content = asked(f"{server.url}/{path}?{encoded(query)}")
    assert status in (200, 404, 503) and "Traceback" not in content and "root:" not in content


PATHS = ("../../etc/passwd", "vendor/../../../etc/passwd", "static/../streamlit_app.py", ".git/config")


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leaves_what_is_served(server: Server, path: str) -> None:
    for form in (path, quote(path, safe=""), path.replace("..", "%2e%2e"), path.replace("/", "//")):
        _, _, content = asked(f"{server.url}/{form}")
        assert "root:" not in content and "st.App(" not in content and "[core]" not in content


def test_the_store_holds_what_it_held(server: Server) -> None:
    """After all of the above."""
    names = {path.name for path in server.store.iterdir()}
    runs = {run.id for run in RunStore(server.store).runs() if not run.reference}
    kept = {*runs, *BESIDE}
    assert runs <= names and all(name in kept or name.startswith(".") for name in names)
