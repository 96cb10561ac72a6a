"""What the documents say is so: links, pictures, commands, paths, settings; and what the README prints runs."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from PIL import Image

from core import data
from core.errors import DataError
from core.settings import PLACES, Settings
from pages.ui.view.site import PAGES
from tests.patience import PATIENCE
from tools.pictures import DOCS, MOVING, SHOTS, WIDTH, most_bytes

ROOT = Path(__file__).parent.parent
DOCUMENTS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in DOCUMENTS}

documents = pytest.mark.parametrize("name", TEXTS)


def code(text: str) -> Iterator[str]:
    """The blocks and spans of code in a text."""
    block = r"```\w*\n(.*?)```"
    yield from re.findall(block, text, re.S)
    yield from re.findall(r"`([^`\n]+)`", re.sub(block, "", text, flags=re.S))


def anchor(heading: str) -> str:
    """What a link calls a heading, as GitHub makes it: letters and digits in small, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def named(pattern: str) -> dict[str, set[str]]:
    """What a pattern finds in the code of each document that has any."""
    found = {name: {hit for part in code(text) for hit in re.findall(pattern, part)} for name, text in TEXTS.items()}
    return {name: hits for name, hits in found.items() if hits}


def settings() -> dict[str, str]:
    """The default of each variable, as the table of settings has it."""
    rows = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|.*\| (.+) \|$", TEXTS["docs/configuration.md"], re.M)
    return {variable: default for names, default in rows for variable in re.findall(r"`([A-Z_]+)`", names)}


# --- links and pictures -----------------------------------------------------------------------------------------


@documents
def test_each_link_leads_somewhere(name: str) -> None:
    prose = re.sub(r"```.*?```", "", TEXTS[name], flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if target.startswith("https://"):
            continue
        path, _, heading = unquote(target).partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        assert file.resolve().is_relative_to(ROOT), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.M)
            assert heading in map(anchor, headings), target


def test_each_picture_is_made_by_the_command_and_shown() -> None:
    shown = {
        ((ROOT / name).parent / target).resolve()
        for name, text in TEXTS.items()
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    }
    assert shown == {DOCS / f"{name}.webp" for name in SHOTS} == {*DOCS.rglob("*.webp")}


@pytest.mark.parametrize("name", SHOTS)
def test_a_picture_is_as_wide_as_a_page_and_small(name: str) -> None:
    path = DOCS / f"{name}.webp"
    assert path.stat().st_size <= most_bytes(name)
    with Image.open(path) as picture:
        assert picture.width == WIDTH
        assert (getattr(picture, "n_frames", 1) > 30) == (name == MOVING)


def test_the_guide_has_ten_steps_each_with_a_view_a_picture_and_something_to_try() -> None:
    _, *steps = TEXTS["docs/guide.md"].split("\n## ")
    assert [step.partition(".")[0] for step in steps] == [str(number) for number in range(1, 11)]
    for step in steps:
        [view] = re.findall(r"^Open `/(\w*)[^`]*`\.$", step, re.M)
        assert view in {page.name for page in PAGES}
        assert len(re.findall(r"^!\[", step, re.M)) == len(re.findall(r"^\*\*Try:\*\* ", step, re.M)) == 1


# --- names and commands -----------------------------------------------------------------------------------------


def test_each_module_that_is_to_be_run_exists() -> None:
    for name, modules in named(r"python -m ([\w.]+)").items():
        for module in modules:
            assert find_spec(module), f"{module} in {name}"


def test_each_target_of_make_exists() -> None:
    rules = (ROOT / "Makefile").read_text("utf-8")
    for name, targets in named(r"(?m)(?:^|[/&] ?)make ([a-z][a-z-]*)").items():
        for target in targets:
            assert re.search(rf"^{target}:", rules, re.M), f"make {target} in {name}"
    for name, benchmarks in named(r"BENCH=(\w+)").items():
        for benchmark in benchmarks:
            assert (ROOT / "benchmarks" / f"{benchmark}.py").exists(), f"BENCH={benchmark} in {name}"


def test_each_path_in_the_code_exists() -> None:
    folders = r"(?:core|pages|tests|benchmarks|tools|docs|\.ci|\.streamlit)/[\w./-]*"
    for name, paths in named(rf"(?<![\w/.])({folders})").items():
        for path in paths:
            assert (ROOT / path).exists(), f"{path} in {name}"


def test_no_document_knows_a_machine() -> None:
    for name, text in TEXTS.items():
        assert not re.search(r"/(?:home|root|work|tmp|Users)/|py(?:pi|thonhosted)|download\.py(?:torch)", text), name


def held(folder: Path) -> bool:
    """Whether there is more in it than what Python has cached."""
    return any(inside.name != "__pycache__" for inside in folder.iterdir())


def test_the_architecture_names_each_folder_of_the_house() -> None:
    [house, *_] = code(TEXTS["docs/architecture.md"])
    folders = [*(ROOT / "core").iterdir(), *(ROOT / "pages" / "ui").iterdir()]
    names = {
        path.name for path in folders if path.is_dir() and not path.name.startswith(("_", ".", "node_")) and held(path)
    }
    assert {folder for folder in names if not re.search(rf"\b{folder}/", house)} == set()


# --- settings ---------------------------------------------------------------------------------------------------


def test_the_table_of_settings_has_a_row_for_each_and_for_no_other() -> None:
    variables = {*PLACES, *(f.metadata["variable"] for f in fields(Settings))}
    rows = {*settings()}
    assert variables <= rows and {row for row in rows if row.startswith("PRUNELAB_")} <= variables


def test_the_table_of_settings_has_each_default() -> None:
    said = settings()
    for f in fields(Settings):
        shown = said[f.metadata["variable"]]
        if f.default is None:
            assert not re.search(r"\d|`", shown), f.name
        elif isinstance(f.default, bool):
            assert shown == ("`on`" if f.default else "`off`"), f.name
        else:
            assert shown.strip("`") == str(f.default), f.name


# --- the README -------------------------------------------------------------------------------------------------


def test_the_readme_is_one_page_whose_first_screen_has_the_two_commands() -> None:
    lines = TEXTS["README.md"].splitlines()
    assert len(lines) <= 90
    assert {"make run", "make test"} <= {line.partition("  ")[0] for line in lines[:15]}


def test_the_readme_asks_the_question_of_each_page() -> None:
    titles = re.findall(r"^- \*\*(\w+):\*\* (.+?\?)", TEXTS["README.md"], re.M)
    assert [title for title, _ in titles] == [page.title for page in PAGES]
    for (_, question), page in zip(titles, PAGES, strict=True):
        assert question == page.question or not page.question.endswith("?")


@pytest.mark.slow
def test_the_notebook_runs_as_printed() -> None:
    try:
        data.check("fashion-mnist")
    except DataError as error:
        pytest.skip(str(error))
    snippets = re.findall(r"```python\n(.*?)```", TEXTS["README.md"], re.S)
    assert len(snippets) == 1
    done = subprocess.run(
        [sys.executable, "-c", snippets[0]], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    assert "Comparison(n=10000" in done.stdout


# --- the citation -----------------------------------------------------------------------------------------------


def test_the_citation_is_complete_and_of_the_last_release() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["cff-version"] == "1.2.0" and cited["license"] == "MIT" and cited["type"] == "software"
    assert cited["title"] and cited["message"] and cited["authors"] == [{"name": "PruneLab maintainers"}]
    [last, *_] = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", TEXTS["CHANGELOG.md"], re.M)
    assert (cited["version"], cited["date-released"]) == last
