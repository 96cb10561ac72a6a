"""What a link looks like where it is pasted: tags in the head of a page, and a card as their picture.

Both are of the view that the address names, at the nearest of the usual stops, as far as it has been evaluated. No job
is started for them.
"""

from collections.abc import Mapping
from functools import lru_cache
from html import escape
from urllib.parse import urlencode

from starlette.requests import Request

from core import panels
from core.errors import PruneLabError
from core.panels import CARD, Stop
from core.pruning import PruningConfig
from pages.ui.server.paths import served
from pages.ui.server.services import store
from pages.ui.view import address, lookup, picker
from pages.ui.view.address import View
from pages.ui.view.brand import NAME, heading
from pages.ui.view.lookup import Stops
from pages.ui.view.site import PAGES, Page

_LONGEST = 2_000
"""Characters of a query that is repeated in the tags."""


def tags(page: Page, request: Request) -> str:
    """The title and the tags in a page's head, for the view that the request's address names."""
    view, stops = _evaluated(page, request.query_params)
    about = page.about
    of_view = {} if view is None else {"weights": store().digest(view.run.id)[:12], **view.params}
    if view is not None and stops is not None:
        labels = store().labels(view.run.id)
        about = panels.answer(stops.profile, labels, stops.row, lookup.as_is(view, stops))
    origin, query = str(request.base_url.replace(path="")), urlencode(request.query_params.multi_items())
    here = f"?{query}" if 0 < len(query) <= _LONGEST else ""
    properties = {
        "og:type": "website",
        "og:site_name": NAME,
        "og:title": page.question,
        "og:description": about,
        "og:url": f"{origin}{served(f'/{page.name}')}{here}",
        "og:image": f"{origin}{served('/card.png')}?{urlencode({'page': page.name, **of_view})}",
        "og:image:width": str(CARD[0]),
        "og:image:height": str(CARD[1]),
        "og:image:alt": f"{page.question} {about}",
    }
    names = {"description": about, "twitter:card": "summary_large_image"}
    each = [*(("name", *named) for named in names.items()), *(("property", *named) for named in properties.items())]
    metas = "".join(f'<meta {kind}="{name}" content="{escape(content)}">' for kind, name, content in each)
    return f"<title>{escape(heading(page.title))}</title>{metas}"


def card(query: Mapping[str, str]) -> bytes:
    """The card of a page and a view as a PNG file.

    Raises:
        PruneLabError: there is no such page.
    """
    name = query.get("page", "")
    page = next((page for page in PAGES if page.name == name), None)
    if page is None:
        raise PruneLabError(f"There is no page “{name[:40]}”.")
    view, stops = _evaluated(page, query)
    if view is None or stops is None:
        return _card(page)
    return _card(page, view.run.id, store().digest(view.run.id), view.pruning, stops.row)


@lru_cache(maxsize=64)
def _card(page: Page, run_id: str = "", weights: str = "", pruning: PruningConfig | None = None, row: int = 0) -> bytes:
    """The digest of the weights is part of the cache key: the run may be deleted and trained again."""
    profile = None if pruning is None else store().profile(run_id, pruning)
    if pruning is None or profile is None:
        return panels.card(page.question, page.about)
    run = picker.title(store().get(run_id)).rpartition(":")[0]
    name = f"{run}; {pruning.ranks_by.title}, {pruning.within.title}"
    return panels.card(page.question, page.about, Stop(name, profile, store().labels(run_id), row))


def _evaluated(page: Page, query: Mapping[str, str]) -> tuple[View | None, Stops | None]:
    """The view that a query names and the nearest usual stop; None without a profile, or if the page has no view."""
    if not page.of_view:
        return None, None
    try:
        view = address.read(query, store())
        profile = None if view is None else store().profile(view.run.id, view.pruning)
    except PruneLabError:  # it is damaged, and computed again when somebody opens the page
        return None, None
    if view is None or profile is None:
        return view, None
    return view, Stops(profile, profile.stop_index(100 * view.sparsity))
