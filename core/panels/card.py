"""A view as a picture for link previews: its question, dense and pruned accuracy, and the curve between them."""

import io
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from core.evaluation import Labels, Proportion
from core.evaluation.profile import Profile
from core.figures.base import SparsityAxis
from core.figures.colours import DENSE, GREY, after
from core.words import repair, wording

CARD = (1200, 630)
"""Pixels of the card, as sites that show link previews want it."""

_FINER = 2  # lines have no smooth edges, so the card is drawn larger and reduced
_INK, _SOFT, _PAPER, _GRID = "#16191D", "#5B6169", "#FFFFFF", "#E3E5E9"
_LEFT, _WIDTH = 64, 1072
_PLOT = (620, 292, 1124, 532)
"""Left, top, right and bottom of the curve."""

_TICKS = (0.01, 1, 50, 90, 99)
"""Percents at which the axis of the curve has a number."""

_PLAIN = str.maketrans({wording.MINUS: "-", wording.NBSP: " ", "×": "x", "→": ">", "–": "-"})


@dataclass(frozen=True, eq=False)
class Stop:
    """What the card shows of a run: its title, its profile, the true classes and the stop that is marked."""

    run: str
    profile: Profile
    labels: Labels
    row: int


def card(question: str, about: str, at: Stop | None = None) -> bytes:
    """A PNG file; without a stop it has the question and what the page is about."""
    image = Image.new("RGB", (_FINER * CARD[0], _FINER * CARD[1]), _PAPER)
    sheet = _Sheet(ImageDraw.Draw(image))
    sheet.box((0, 0, CARD[0], 10), DENSE)
    down = 150 if at is None else 0
    sheet.write((_LEFT, 56 + down), "PruneLab", 32, DENSE, bold=True)
    sheet.write((_LEFT, 106 + down), question, 60, _INK, bold=True)
    sheet.write((_LEFT, 188 + down), about if at is None else at.run, 30, _SOFT)
    if at is not None:
        _numbers(sheet, at)
        _curve(sheet, at)
    file = io.BytesIO()
    image.resize(CARD, Image.Resampling.BOX).save(file, "PNG")
    return file.getvalue()


class _Sheet:
    """Draws in the card's own pixels, with the font that Pillow brings along."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def box(self, corners: tuple[float, float, float, float], colour: str) -> None:
        """A filled rectangle."""
        self._draw.rectangle([_FINER * at for at in corners], fill=colour)

    def line(self, points: list[tuple[float, float]], colour: str, width: int) -> None:
        """A line through points."""
        self._draw.line([(_FINER * x, _FINER * y) for x, y in points], colour, _FINER * width, "curve")

    def dot(self, x: float, y: float, colour: str) -> None:
        """The mark of the dense network."""
        self._draw.ellipse([_FINER * at for at in (x - 10, y - 10, x + 10, y + 10)], fill=colour)

    def diamond(self, x: float, y: float, colour: str) -> None:
        """The mark of the pruned network."""
        corners = [(x - 13, y), (x, y - 13), (x + 13, y), (x, y + 13)]
        self._draw.polygon([(_FINER * x, _FINER * y) for x, y in corners], colour, _PAPER, _FINER)

    def write(
        self, at: tuple[float, float], text: str, size: int, colour: str, *, bold: bool = False, anchor: str = "la"
    ) -> None:
        """One line of text, cut where the card ends."""
        font, shown = _font(_FINER * size), drawable(text)
        if font.getlength(shown) > _FINER * _WIDTH:
            while font.getlength(f"{shown}…") > _FINER * _WIDTH:
                shown = shown[:-1]
            shown += "…"
        place = (_FINER * at[0], _FINER * at[1])
        self._draw.text(place, shown, colour, font, anchor, stroke_width=size / 30 if bold else 0)


def _numbers(sheet: _Sheet, at: Stop) -> None:
    """Dense and pruned accuracy, each with its n."""
    c, name = at.profile.comparison(at.labels, at.row), at.profile.pruning.repair
    sheet.dot(_LEFT + 10, 287, DENSE)
    _number(sheet, 270, "Dense", c.dense)
    sheet.diamond(_LEFT + 10, 447, after(name))
    zero = wording.sparsity(float(at.profile.sparsity[at.row]))
    _number(sheet, 430, f"{repair.network(name).capitalize()}, {zero} of the weights zero", c.pruned)


def _number(sheet: _Sheet, y: float, label: str, accuracy: Proportion) -> None:
    n = f"{wording.count(accuracy.right)} of {wording.count(accuracy.n)} test images"
    sheet.write((_LEFT + 36, y), label, 28, _INK)
    sheet.write((_LEFT + 36, y + 40), wording.percent(accuracy.value), 62, _INK, bold=True)
    sheet.write((_LEFT + 36, y + 110), n, 26, _SOFT)


def _curve(sheet: _Sheet, at: Stop) -> None:
    """Accuracy over all stops, the dense network's as a level, and the stop."""
    left, top, right, bottom = _PLOT
    axis = SparsityAxis.over(at.profile.sparsity)
    accuracies = (at.profile.predicted == at.labels).mean(axis=1)

    def x(sparsity: float) -> float:
        return left + (axis.place(sparsity) - axis.low) / (axis.high - axis.low) * (right - left)

    def y(accuracy: float) -> float:
        return bottom - accuracy * (bottom - top)

    for percent in (0, 50, 100):
        sheet.line([(left, y(percent / 100)), (right, y(percent / 100))], _GRID, 2)
        sheet.write((left - 16, y(percent / 100)), str(percent), 22, _SOFT, anchor="rm")
    for sparsity, text in ((0.0, "0"), *((p / 100, f"{p:g}") for p in _TICKS), (1.0, "100")):
        sheet.write((x(sparsity), bottom + 14), text, 22, _SOFT, anchor="ma")
    sheet.write((left - 50, top - 44), "Accuracy, %", 22, _SOFT)
    sheet.write((right, bottom + 46), "Sparsity, % (logit scale)", 22, _SOFT, anchor="ra")
    points = [(x(float(s)), y(float(a))) for s, a in zip(at.profile.sparsity, accuracies, strict=True)]
    colour, (mark_x, mark_y) = after(at.profile.pruning.repair), points[at.row]
    for start in range(left, right, 14):
        sheet.line([(start, points[0][1]), (start + 7, points[0][1])], DENSE, 2)
    sheet.line([(mark_x, top), (mark_x, bottom)], GREY, 2)
    sheet.line(points, colour, 5)
    sheet.dot(*points[0], DENSE)
    sheet.diamond(mark_x, mark_y, colour)


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def drawable(text: str) -> str:
    """A text in the characters that Pillow's font has: accents are dropped, and what is left is a question mark."""
    bare = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(
        sign if sign.isascii() and sign.isprintable() else "?" for sign in bare if not unicodedata.combining(sign)
    )
