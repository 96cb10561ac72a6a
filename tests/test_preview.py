"""What a link looks like where it is pasted: the tags of every page, and the card that they name."""

import io
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from core import panels
from core.jobs import Engine
from core.panels.card import drawable
from core.pruning import PruningConfig
from core.run import Run
from core.store.runs import RunStore
from pages.ui.server import preview, services
from pages.ui.view.site import PAGES, Page
from tests import shelf
from tests.asgi import Answer, ask

OF_VIEW = [page for page in PAGES if page.of_view]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The one run on this server; no job may be submitted."""
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path))
    monkeypatch.setattr("core.store.runs.SHIPPED", tmp_path / "none")
    monkeypatch.delattr(Engine, "submit")
    monkeypatch.delattr(Engine, "answer")
    st.cache_resource.clear()
    preview._card.cache_clear()
    yield shelf.train(tmp_path, "ann")
    st.cache_resource.clear()


class Head(HTMLParser):
    """The tags of a head, and how many scripts the page has."""

    def __init__(self, page: Answer) -> None:
        super().__init__()
        self.tags, self.scripts = dict[str, str](), 0
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.scripts += tag == "script"
        name = given.get("property") or given.get("name")
        if tag == "meta" and name:
            assert name not in self.tags
            self.tags[name] = str(given["content"])


def head(url: str, **how: str) -> Head:
    answer = ask(url, **how)
    assert answer.status == 200 and answer.text.count("</head>") == 1
    return Head(answer)


def card(url: str) -> Image.Image:
    answer = ask(url)
    assert answer.status == 200 and answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.body))


def said(run: Run, root: Path, percent: float) -> str:
    """The answer in words, from the stored profile."""
    profile = RunStore(root).profile(run.id, PruningConfig())
    assert profile is not None
    return panels.answer(profile, RunStore(root).labels(run.id), profile.stop_index(percent))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_every_page_has_its_question_and_a_card(run: Run, page: Page) -> None:
    tags = head(f"/{page.name}").tags
    assert tags["og:title"] == page.question and tags["og:type"] == "website"
    assert tags["og:url"] == f"http://lab.example/{page.name}" and tags["twitter:card"] == "summary_large_image"
    assert tags["og:description"] == tags["description"]
    assert (tags["description"] == page.about) != page.of_view
    assert tags["og:image"].startswith("http://lab.example/card.png?")
    shown = card(tags["og:image"].removeprefix("http://lab.example"))
    assert shown.size == (1200, 630) == (int(tags["og:image:width"]), int(tags["og:image:height"]))


@pytest.mark.parametrize("page", OF_VIEW, ids=lambda page: page.title)
@pytest.mark.parametrize("percent", [0.01, 90])
def test_the_description_is_the_answer_for_the_view(run: Run, tmp_path: Path, page: Page, percent: float) -> None:
    link = f"/{page.name}?run={run.id}&sparsity={percent}&section=Class+by+class"
    tags = head(link).tags
    assert tags["description"] == said(run, tmp_path, percent)
    assert tags["og:url"] == f"http://lab.example{link}"


def test_between_two_stops_the_nearest_is_described(run: Run, tmp_path: Path) -> None:
    assert head("/prune?sparsity=33.3").tags["description"] == said(run, tmp_path, 35)


def test_what_has_not_been_evaluated_is_described_by_what_the_page_shows(run: Run) -> None:
    tags = head(f"/prune?run={run.id}&criterion=random").tags
    page = next(page for page in PAGES if page.name == "prune")
    assert tags["description"] == page.about
    assert ask(tags["og:image"].removeprefix("http://lab.example")).body == panels.card(page.question, page.about)


def test_a_damaged_profile_is_described_by_what_the_page_shows(run: Run, tmp_path: Path) -> None:
    for path in tmp_path.rglob("magnitude-global.safetensors"):
        path.write_bytes(b"damaged")
    assert head(f"/prune?run={run.id}").tags["description"].startswith("Drag the slider")


def test_addresses_are_those_of_the_request(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "served", lambda path: f"/lab{path}")
    tags = head("/prune", scheme="https", host="prune.example:8443").tags
    assert tags["og:url"] == "https://prune.example:8443/lab/prune"
    assert tags["og:image"].startswith("https://prune.example:8443/lab/card.png?page=prune&")


NASTY = ('"><script>alert(1)</script>', "';--", "\x00", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
         "../../etc/passwd", "1e400", "nan", "\u202e", "{{7*7}}", "a" * 5_000)  # fmt: skip


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("name", ["run", "criterion", "scope", "repair", "sparsity", "x"])
def test_no_query_writes_into_the_page_or_fails(run: Run, name: str, nasty: str) -> None:
    found, plain = head(f"/prune?{name}={quote(nasty)}"), head("/prune")
    assert {*found.tags} == {*plain.tags} and found.scripts == plain.scripts
    assert found.tags["description"] == plain.tags["description"] and len(found.tags["og:url"]) < 2_100
    assert card(f"/card.png?page=prune&{name}={quote(nasty)}").size == (1200, 630)


def test_bytes_that_are_no_text_do_not_fail(run: Run) -> None:
    assert head("/prune?run=\xff\xfe&x=\x80").tags["og:title"] == "How far can I prune?"


@pytest.mark.parametrize("host", ['evil"><script>alert(1)</script>', "[", "a b", "a:99999999", "x/../y", "a@b", ""])
def test_no_host_writes_into_the_page_or_fails(run: Run, host: str) -> None:
    found, plain = head("/prune", host=host), head("/prune")
    assert {*found.tags} == {*plain.tags} and found.scripts == plain.scripts
    assert urlsplit(found.tags["og:url"]).hostname == "127.0.0.1"


def test_a_page_is_sent_again_only_if_its_view_is_another(run: Run) -> None:
    first = ask(f"/prune?run={run.id}&sparsity=50", accept_encoding="gzip")
    assert first.headers["content-encoding"] == "gzip"
    tag = first.headers["etag"]
    again = ask(f"/prune?run={run.id}&sparsity=50", accept_encoding="gzip", if_none_match=tag)
    assert again.status == 304 and not again.body
    assert ask(f"/prune?run={run.id}&sparsity=90", accept_encoding="gzip", if_none_match=tag).status == 200


def test_cards_differ_between_views_and_pages_and_are_drawn_once(run: Run) -> None:
    links = [f"page=prune&sparsity={s}" for s in (0, 50, 90)] + ["page=images&sparsity=50", "page=study"]
    cards = [ask(f"/card.png?{link}") for link in links]
    assert len({card.body for card in cards}) == len(links)
    drawn = preview._card.cache_info().misses
    again = [
        ask(f"/card.png?{link}", if_none_match=card.headers["etag"]) for link, card in zip(links, cards, strict=True)
    ]
    assert all(card.status == 304 for card in again) and preview._card.cache_info().misses == drawn
    assert preview._card.cache_info().maxsize == 64


def test_the_stop_of_the_view_is_marked_on_the_curve(run: Run) -> None:
    def mark(percent: float) -> float:
        """Where the diamond's colour is highest in a column of the plot: the line of the curve is thinner."""
        pixels = np.asarray(card(f"/card.png?page=prune&sparsity={percent}").convert("RGB"), int)[250:520, 612:]
        return float((np.abs(pixels - (0xD5, 0x5E, 0x00)).sum(axis=2) < 30).sum(axis=0).argmax())

    assert mark(0.01) < mark(1) < mark(50)


@pytest.mark.parametrize("page", ["nowhere", "prune.py", "<b>"])
def test_a_card_of_no_page_is_not_found(run: Run, page: str) -> None:
    answer = ask(f"/card.png?page={quote(page)}")
    assert answer.status == 404 and answer.text == f"There is no page “{page}”."


def test_a_server_without_a_run_has_cards_too(tmp_path: Path, run: Run) -> None:
    services.store().delete(run.id, run.owner)
    assert head("/prune").tags["description"].startswith("Drag the slider")
    assert card("/card.png?page=prune").size == (1200, 630)


def test_a_card_has_only_signs_of_its_font() -> None:
    assert drawable("Café, 90\N{NO-BREAK SPACE}% → \N{MINUS SIGN}1 \u2068日本\u2069") == "Cafe, 90 % > -1 ????"


def test_a_code_that_cannot_be_drawn_is_answered_with_a_sentence() -> None:
    assert ask("/qr.svg?link=http://x.example/").text.startswith("<svg xmlns=")
    answer = ask("/qr.svg?link=javascript:1")
    assert answer.status == 404 and "is not a link" in answer.text
