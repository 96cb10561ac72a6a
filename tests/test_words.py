"""The texts of the product use the field's usual words: none of the expressions that have a better word below."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BETTER = {
    r"\banew\b": ("again", "It is computed anew."),
    r"\bground\b(?! truth)": ("background", "One thing on a plain ground."),
    r"\btak(e|en|ing) (\w+ )?away\b": ("download", "The network can be taken away, or take it away."),
    r"\bwhoever\b": ("anyone who, if you", "Whoever asks of ten classes finds one."),
    r"\bfor who\b": ("for anyone who", "A label for who cannot see it."),
    r"\btold (apart )?from\b": ("distinguished from", "It is not to be told from chance."),
    r"\bof before\b": ("previous", "The address of before is sent."),
    r"\bask on\b": ("more questions", "Ask on"),
    r"\bright ones\b": ("correct answers", "207 right ones lost."),
    r"\bthan chance explains\b": ("than chance would explain", "It fell by more than chance explains."),
    r"\bno clock has\b": ("not timed", "No clock has seen it."),
    r"\bthat there (is|are) not\b": ("that does not exist", "A page that there is not."),
    r"\brun that there is\b": ("an existing run", "A run that there is."),
    r"\bwere (each|every)\b.*?\bskipped\b": ("if every zero were skipped", "The speed-up were each zero skipped."),
    r"\banswers? otherwise\b": ("gives other answers", "The network answers otherwise."),
    r"\bgoes before\b": ("takes precedence over", "The variable goes before the file."),
    r"\bto the bit\b": ("bit for bit", "The weights are the same to the bit."),
    r"\bof other weights\b": ("computed from other weights", "A result of other weights is refused."),
    r"\bas good as (missing|gone|none)\b": ("counts as missing", "What is damaged is as good as missing."),
    r"\bjust now\b": ("at the moment", "The place cannot be read just now."),
    r"\b(come|comes|came) with the product\b": ("ships with PruneLab", "The runs that come with the product."),
    r"\btaken out\b": ("removed", "Whole filters are taken out."),
    r"\bin the mirror\b": ("mirrored", "The classes are as good in the mirror."),
    r"\b(bit|byte|row|value|name|scale|digit)s? an? (weight|byte|line|filter|round|channel)\b": (
        "per",
        "A bit a weight.",
    ),
    r"\b(can|cannot) be had\b": ("available", "The data set cannot be had."),
    r"\bhears? of\b": ("subscribe to, is called with", "Hear of jobs."),
    r"\bgo(es)? after\b": ("runs after", "A job that goes after all others."),
    r"\bwith suspicion\b": ("defensively", "The headers are read with suspicion."),
    r"\bis no (list|place|picture|archive|folder|file|number|id|header)\b": ("is not a", "This is no picture."),
    r"\bsays? of itself\b": ("declares", "What a file says of itself."),
    r"\bnobody knows\b": ("unknown", "Of others nobody knows."),
    r"\bpass(ed|es)? over (unseen|those)\b": ("skipped silently", "A file that is passed over unseen."),
    r"\bin times of\b": ("relative to", "The time, in times of the unpruned network."),
    r"\bif not said\b": ("by default", "The present weights if not said."),
    r"\bwr(ite|ites|itten) (\w+ ){0,3}down\b": ("encoded, exported", "Every way to write a network down."),
    r"\bthe face over\b": ("the layer over", "The face over Dask."),
    r"\b(to|of|for) who\b": ("to anyone who", "What a folder does to who reads it."),
    r"\bwhat there is of\b": ("the stored", "What there is of a job."),
    r"(?<!points )(?<!point )\b(fell|falls|fall|rose|rises|lost|gained|lower|higher|difference|differs?) "
    r"(of|by) [\d.]+[ \u00a0]?%": ("percentage points (pp)", "Accuracy fell by 1.55 %."),
}
"""The better word, and a sentence that is found, by pattern."""

PATTERNS = {re.compile(pattern, re.IGNORECASE): better for pattern, (better, _) in BETTER.items()}


def hits(text: str) -> Iterator[str]:
    """Each expression of a text that has a better word."""
    for pattern, better in PATTERNS.items():
        for match in pattern.finditer(text):
            yield f"“{match[0]}”: {better}"


def texts() -> Iterator[tuple[str, int, str]]:
    """File, line and text of each string and of each paragraph that is read."""
    scripts = [ROOT / "streamlit_app.py", *(ROOT / "core").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    for path in sorted(scripts):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield str(path.relative_to(ROOT)), node.lineno, " ".join(node.value.split())
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        line = 1
        for paragraph in path.read_text("utf-8").split("\n\n"):
            yield str(path.relative_to(ROOT)), line, " ".join(paragraph.split())
            line += paragraph.count("\n") + 2


def test_texts_use_the_usual_words() -> None:
    unusual = [f"{file}:{line} {hit}" for file, line, text in texts() for hit in hits(text)]
    assert not unusual, "\n" + "\n".join(unusual)


@pytest.mark.parametrize("pattern", BETTER)
def test_each_unusual_expression_is_found(pattern: str) -> None:
    better, sentence = BETTER[pattern]
    assert any(hit.endswith(f": {better}") for hit in hits(sentence))


@pytest.mark.parametrize("sentence", ["The ground truth.", "Accuracy fell by 1.55 pp.", "It fell to 71.31 %."])
def test_a_usual_sentence_passes(sentence: str) -> None:
    assert not [*hits(sentence)]
