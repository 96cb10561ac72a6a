"""The answer to an address that does not exist."""

from html import escape

from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.ui.server.icons import LINKS
from pages.ui.server.paths import served
from pages.ui.view.site import PAGES, page_at

_LONGEST = 80


class Unknown:
    """Between guard and app: Streamlit answers any address with its own HTML, which is blank below another page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; for a page that does not exist, answer with a sentence and links to the pages."""
        if scope["type"] != "http" or page_at(scope["path"]) is not None:
            await self._app(scope, receive, send)
            return
        unknown = False

        async def checked(message: Message) -> None:
            nonlocal unknown
            if message["type"] == "http.response.start":
                unknown = _leads_nowhere(scope, message)
                if unknown:
                    await HTMLResponse(_html(scope["path"]), 404)(scope, receive, send)
            if not unknown:
                await send(message)

        await self._app(scope, receive, checked)


def _leads_nowhere(scope: Scope, message: Message) -> bool:
    """Whether Streamlit answers with its own HTML, not a download, or nothing is found outside the app's base path."""
    html = any(name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"])
    of_streamlit = isinstance(scope.get("endpoint"), StaticFiles)
    return (html and of_streamlit) or (message["status"] == 404 and not scope["path"].startswith(served("/")))


def _html(path: str) -> str:
    shown = path if len(path) <= _LONGEST else f"{path[:_LONGEST]}…"
    ways = "".join(f'<li><a href="{served(f"/{page.name}")}">{page.title}</a>: {page.question}</li>' for page in PAGES)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{LINKS}
<title>Page not found: PruneLab</title>
<style>
:root {{ color-scheme: light dark; color: light-dark(#16191d, #e6e8eb); background: light-dark(#ffffff, #0e1116); }}
body {{ font: 1rem/1.5 system-ui, sans-serif; }}
main {{ max-width: 40rem; margin: 15vh auto; padding: 0 1rem; overflow-wrap: anywhere; }}
a {{ color: light-dark(#0067a3, #56b4e9); }}
</style>
</head>
<body>
<main>
<h1>Page not found</h1>
<p>PruneLab has no page at <bdi>{escape(shown)}</bdi>. These are its pages:</p>
<ul>{ways}</ul>
</main>
</body>
</html>
"""
