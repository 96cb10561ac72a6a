"""What the app serves besides its pages: the panel's JSON and the plotly.js of the installed package."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core import data, panel, wording
from core.config import PruningConfig
from core.errors import PruneLabError
from pages.ui.live_panel import PLOTLY
from pages.ui.services import store

FOREVER = "public, max-age=31536000, immutable"
FRESH = "no-cache"


@lru_cache(maxsize=1)
def _plotly() -> bytes:
    return gzip.compress((files("plotly") / "package_data" / "plotly.min.js").read_bytes())


async def plotly(request: Request) -> Response:
    """The script, compressed once per process; its address changes with its version."""
    content = await run_in_threadpool(_plotly)
    return _compressed(request, content, "text/javascript", FOREVER)


async def panel_json(request: Request) -> Response:
    """`core.panel.Panel` of the run, criterion, scope and own sparsity that the query names, or one layer's kernels."""
    try:
        content = await run_in_threadpool(_asked, dict(request.query_params))
    except PruneLabError as error:
        return PlainTextResponse(str(error), status_code=404)
    return _compressed(request, content, "application/json", FRESH)


def _asked(query: Mapping[str, str]) -> bytes:
    run = store().get(query.get("run", ""))
    pruning = PruningConfig(criterion=query.get("criterion"), scope=query.get("scope"))  # type: ignore[arg-type]
    own = wording.read_sparsity(query["own"], run.weights) if "own" in query else None
    return _json(run.id, pruning, own, query.get("kernels"))


@lru_cache(maxsize=64)
def _json(run_id: str, pruning: PruningConfig, own: float | None, layer: str | None) -> bytes:
    """The panel, or the kernels of one layer of it, compressed."""
    profile = store().profile(run_id, pruning)
    point = None if own is None else store().point(run_id, pruning, own)
    if profile is None or (own is not None and point is None):
        raise PruneLabError("This has not been evaluated yet; reload the page.")
    shown, weights = profile if point is None else profile.merged(point), store().weights(run_id)
    if layer is None:
        content = panel.build(shown, weights, store().labels(run_id), data.CLASSES).to_json()
    else:
        content = {"figures": [panel.to_json(panel.kernels_of(layer, shown, weights))]}
    return gzip.compress(json.dumps(content, default=_plain, separators=(",", ":")).encode(), 6)


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON")


def _compressed(request: Request, content: bytes, media_type: str, caching: str) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"Cache-Control": caching, "ETag": tag, "Vary": "Accept-Encoding"}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(content, media_type=media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(gzip.decompress(content), media_type=media_type, headers=headers)


ROUTES = [Route(PLOTLY, plotly), Route("/panel.json", panel_json)]
