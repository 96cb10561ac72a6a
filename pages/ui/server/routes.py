"""What the app serves itself: each page's HTML frame, the panel as JSON, plotly.js, a link's card and its QR code."""

import gzip
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core import panels, picture
from core.data import FASHION, check
from core.drawing import LARGE, Drawing, draw
from core.errors import DataError, PruneLabError
from core.evaluation.answers import of_each_class
from core.figures.wall import COLUMNS
from core.pruning import AS_IS, REPAIRS, PruningConfig
from core.store.runs import WALL
from core.words import wording
from pages.ui.components import plotlyjs
from pages.ui.server import icons, preview
from pages.ui.server.paths import served
from pages.ui.server.services import engine, results, store, stories
from pages.ui.view import lookup, qr
from pages.ui.view.site import PAGES, page_at

_HERE = Path(__file__).parent

FOREVER = "public, max-age=31536000, immutable"
FRESH = "no-cache"


@lru_cache(maxsize=1)
def _plotly() -> bytes:
    return gzip.compress(plotlyjs.code().encode(), mtime=0)


@lru_cache(maxsize=1)
def _frame() -> tuple[str, str]:
    """Streamlit's HTML up to the end of its head, and the rest; without title and icon, as those of a page follow.

    The head ends with our script and style, which run before Streamlit's own.
    """
    script, style = ((_HERE / f"frame.{kind}").read_text("utf-8") for kind in ("js", "css"))
    html = (files("streamlit") / "static" / "index.html").read_text("utf-8")
    for theirs in ("<title>Streamlit</title>", '<link rel="shortcut icon" href="./favicon.png" />'):
        html = html.replace(theirs, "")
    head, tag, rest = html.partition("</head>")
    return f"{head}<script>{script}</script><style>{style}</style>", f"{tag}{rest}"


@lru_cache(maxsize=64)
def _framed(tags: str) -> bytes:
    """The HTML of a page with these tags in its head, compressed."""
    return gzip.compress(tags.join(_frame()).encode(), mtime=0)


async def frame(request: Request) -> Response:
    """The HTML of a page. Pages differ in the tags from which other sites make a preview of a link."""
    page = page_at(request.scope["path"])
    assert page is not None
    content = await run_in_threadpool(lambda: _framed(icons.LINKS + preview.tags(page, request)))
    return _compressed(request, content, "text/html", FRESH)


async def card_png(request: Request) -> Response:
    """The picture of a link preview: the card of the query's page and view."""
    try:
        content = await run_in_threadpool(preview.card, request.query_params)
    except PruneLabError as error:
        return PlainTextResponse(str(error), status_code=404)
    return _tagged(request, content, "image/png", FRESH)


async def qr_svg(request: Request) -> Response:
    """The QR code of the query's `link`."""
    try:
        code = qr.svg(request.query_params.get("link", ""))
    except PruneLabError as error:
        return PlainTextResponse(str(error), status_code=404)
    return Response(code, media_type="image/svg+xml", headers={"Cache-Control": FOREVER})


async def plotly(request: Request) -> Response:
    """The script, compressed once per process; its address changes with its version."""
    content = await run_in_threadpool(_plotly)
    return _compressed(request, content, "text/javascript", FOREVER)


async def panel_json(request: Request) -> Response:
    """`core.panels.Panel` of the query's run, pruning, own sparsity and part; or the kernels of a layer."""
    try:
        content = await run_in_threadpool(panel, dict(request.query_params))
    except PruneLabError as error:
        return PlainTextResponse(str(error), status_code=404)
    return _compressed(request, content, "application/json", FRESH)


def panel(query: Mapping[str, str]) -> bytes:
    """The panel that a query names as JSON, compressed.

    Raises:
        PruneLabError: what the query names does not exist or is not evaluated yet.
    """
    run = store().get(query.get("run", ""))
    how: dict[str, Any] = {name: query.get(name) for name in ("criterion", "scope")}
    pruning = run.pruned(**how, repair=query.get("repair", AS_IS))
    own = wording.read_sparsity(query["own"], run.weights) if "own" in query else None
    layer = query.get("kernels")
    first = (_ordinal(query, "filter") - 1, _ordinal(query, "input") - 1)
    weights = store().digest(run.id)
    if not weights.startswith(query.get("weights", "")):
        raise PruneLabError("This run was trained again; reload the page.")
    known = results().profile(run.id, pruning)
    asked = Drawing(
        run_id=run.id,
        weights=weights,
        pruning=pruning,
        beside=_beside(query, pruning),
        own=own,
        part=query.get("part", "pruning"),
        spread="spread" in query,
        layer=layer,
        first=first,
        images=known.images if known is not None else None,
    )
    return _drawn(asked, on_worker=run.weights > LARGE)


@lru_cache(maxsize=64)
def _drawn(asked: Drawing, *, on_worker: bool) -> bytes:
    """One panel for all who ask for it."""
    return engine().answer(asked) if on_worker else draw(results(), asked)


def _beside(query: Mapping[str, str], pruning: PruningConfig) -> tuple[PruningConfig, ...]:
    """The other repairs that a query names, in the order of the menu; raises ConfigError if there is no such repair."""
    named = {pruning.then(name) for name in query["beside"].split(",")} if "beside" in query else set()
    ways = (pruning.then(name) for name in REPAIRS)
    return tuple(other for other in ways if other in named and other != pruning)


def _ordinal(query: Mapping[str, str], name: str) -> int:
    value = query.get(name, "1")
    if not (value.isascii() and value.isdecimal() and len(value) < 7):
        raise PruneLabError(f"“{value[:20]}” is not a {name}; they are numbered from 1.")
    return int(value)


async def wall_png(request: Request) -> Response:
    """The pictures of the wall of a run; its address names the run's weights, so it never changes."""
    try:
        content = await run_in_threadpool(wall, request.query_params.get("run", ""))
    except PruneLabError as error:
        return PlainTextResponse(str(error), status_code=404)
    if content is None:
        return PlainTextResponse("The pictures are not on this server: run `make data` there.", status_code=404)
    return Response(content, media_type="image/png", headers={"Cache-Control": FOREVER})


def wall(run_id: str) -> bytes | None:
    """The pictures of the wall of a run; None if they are not on this server. Raises StoreError without the run."""
    labels = store().labels(run_id)
    if any(np.array_equal(labels, store().labels(run.id)) for run in store().runs() if run.reference):
        return WALL.read_bytes()
    run = store().get(run_id)
    pictures, drawn = lookup.pictures_of(run), of_each_class(labels[: run.chunk or None], panels.IMAGES)
    return None if pictures is None else picture.sheet(lookup.some(pictures, drawn), COLUMNS)


async def story_json(request: Request) -> Response:
    """The panel of an image that a visitor has just opened; nobody else knows its key."""
    content = stories().get(request.query_params.get("image", ""))
    if content is None:
        return PlainTextResponse("This image is no longer kept; open it again.", status_code=404)
    return _compressed(request, content, "application/json", FRESH)


def _compressed(request: Request, content: bytes, media_type: str, caching: str) -> Response:
    """Content that is compressed already; it is unpacked for a browser that does not say that it can."""
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    encoded = {"Content-Encoding": "gzip"} if zipped else {}
    body = content if zipped else gzip.decompress(content)
    return _tagged(request, body, media_type, caching, {"Vary": "Accept-Encoding", **encoded})


def _tagged(
    request: Request, content: bytes, media_type: str, caching: str, more: Mapping[str, str] | None = None
) -> Response:
    """Content with its digest, so that a browser that has it is sent nothing."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"Cache-Control": caching, "ETag": tag, **(more or {})}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


async def ready(request: Request) -> Response:
    """Whether the app can do its work, and if not, why; `/_stcore/health` says only whether it runs."""
    problems = await run_in_threadpool(_problems)
    status = 503 if any(problems.values()) else 200
    return JSONResponse(problems, status_code=status, headers={"Cache-Control": "no-store"})


def _problems() -> dict[str, str | None]:
    """What keeps store, data set and engine from working; each None if it works."""
    try:
        check(FASHION.id)
        data = None
    except DataError as error:
        data = str(error)
    return {"store": store().problem(), "data": data, "engine": engine().problem}


ROUTES = [
    Route(served(path), serve)
    for path, serve in {
        **{f"/{page.name}": frame for page in PAGES},
        plotlyjs.PATH: plotly,
        "/panel.json": panel_json,
        "/story.json": story_json,
        "/wall.png": wall_png,
        "/card.png": card_png,
        "/qr.svg": qr_svg,
        "/ready": ready,
    }.items()
] + icons.ROUTES
