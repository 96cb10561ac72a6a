"""The pages of the app: one list, from which the router, the guard, the links between pages and the tests follow."""

from dataclasses import dataclass
from pathlib import Path

from pages.ui.server.paths import served


@dataclass(frozen=True)
class Page:
    """A page: its script in `pages/`, its name and Material icon in the bar, its question, and what it shows.

    `panel`: whether the live panel draws its figures; `figures`: whether it opens with figures without a slider.
    """

    script: str
    title: str
    icon: str
    question: str
    about: str
    panel: bool = False
    figures: bool = False

    @property
    def name(self) -> str:
        """Its name in a URL; empty for the first page."""
        return "" if self == PAGES[0] else Path(self.script).stem

    @property
    def of_view(self) -> bool:
        """Whether it answers its question for the view in its address."""
        return self.panel or self == PAGES[0]

    @property
    def symbol(self) -> str:
        """The icon as Streamlit takes it."""
        return f":material/{self.icon}:"


PAGES = (
    Page(
        "overview.py",
        "Overview",
        "home",
        "What did pruning cost?",
        "Watch test images turn as their answers change.",
        panel=True,
    ),
    Page("train.py", "Train", "model_training", "Train a network of your own", "Then prune it."),
    Page(
        "prune.py",
        "Prune",
        "content_cut",
        "How far can I prune?",
        "Drag the slider from one weight to all of them.",
        panel=True,
    ),
    Page(
        "images.py",
        "Images",
        "photo_library",
        "Which answers changed?",
        "The images behind the numbers, and your own picture.",
        panel=True,
    ),
    Page(
        "storage.py",
        "Storage",
        "inventory_2",
        "Is the trade worth it?",
        "Bytes and time, and the pruned network as a download.",
        panel=True,
    ),
    Page(
        "study.py",
        "Study",
        "science",
        "Is magnitude a good metric?",
        "Criteria, layers, retraining and the report's claim.",
        figures=True,
    ),
    Page("teach.py", "Teach", "school", "What can a class do with it?", "Exercises with links."),
)
"""All pages in the order of the bar. The first one is at the root."""


def page_at(path: str) -> Page | None:
    """The page at a path of the server, or None."""
    return next((page for page in PAGES if path == served(f"/{page.name}")), None)


def page_of(script: str) -> Page:
    """The page of a script, given its `__file__`."""
    return next(page for page in PAGES if page.script == Path(script).name)
