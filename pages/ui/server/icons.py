"""The icons of the app, in every form and size that a browser or a phone asks for."""

import json
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.ui.server.paths import served
from pages.ui.view import brand

_PNG = {side: served(f"/icon-{side}.png") for side in brand.PNG_SIDES}
_SVG, _ICO, _MANIFEST = (served(path) for path in ("/icon.svg", "/favicon.ico", "/manifest.webmanifest"))

LINKS = (
    f'<link rel="icon" href="{_ICO}" sizes="{" ".join(f"{side}x{side}" for side in brand.ICO_SIDES)}">'
    f'<link rel="icon" href="{_SVG}" type="image/svg+xml" sizes="any">'
    f'<link rel="apple-touch-icon" href="{_PNG[brand.PNG_SIDES[0]]}">'
    f'<link rel="manifest" href="{_MANIFEST}">'
)
"""What the head of every page has of them."""


def _manifest() -> bytes:
    return json.dumps(brand.manifest(served("/"), _PNG)).encode()


def _route(path: str, media_type: str, draw: Callable[[], str | bytes]) -> Route:
    async def serve(request: Request) -> Response:
        return Response(draw(), media_type=media_type, headers={"Cache-Control": "public, max-age=86400"})

    return Route(path, serve)


ROUTES = [
    _route(_SVG, "image/svg+xml", brand.mark),
    _route(_ICO, "image/vnd.microsoft.icon", brand.ico),
    _route(_MANIFEST, "application/manifest+json", _manifest),
    *(_route(path, "image/png", partial(brand.png, side)) for side, path in _PNG.items()),
]
