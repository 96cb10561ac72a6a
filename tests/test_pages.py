"""Each page says what the run on it says, keeps its state in the URL, and answers bad input with a sentence."""

import base64
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.session import EXACT
from core import study
from core.cost import frontier
from core.cost.files import Export, Exporting
from core.cost.ledger import COMPACT, ENTRIES, Ledger, Weighing
from core.cost.rounding import Rounded, Rounding
from core.cost.tradeoff import RETRAINED, Comparing
from core.cost.weighing import weigh
from core.data import FASHION, Split
from core.data.fashion import CLASSES
from core.evaluation import Comparison, Labels, Proportion, by_class, compare, confusion_matrix
from core.evaluation.answers import first_change
from core.evaluation.profile import Profile
from core.jobs import Engine, JobState
from core.pruning import PruningConfig, rank
from core.run import Network, Run
from core.store.results import Results
from core.store.runs import RunStore
from core.study import audit
from core.study.audit import READINGS, Audit, Auditing, Finding
from core.study.bisection import Bisection, Search
from core.study.bisection import in_words as search_in_words
from core.words import wording
from pages.ui.server import routes
from pages.ui.view.site import PAGES
from tests import shelf, small
from tests.curves import curve, studied
from tests.patience import PATIENCE
from tests.reading import ROUTER, charts, rows, sent, text


@pytest.fixture(scope="module")
def shelved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run, Run]:
    root = tmp_path_factory.mktemp("runs")
    return root, *shelf.fill(root)


@pytest.fixture
def app(shelved: tuple[Path, Run, Run], app_on: Callable[[Path], AppTest]) -> AppTest:
    """The app on the shelf's two runs."""
    return app_on(shelved[0])


def value_key(name: str) -> str:
    """Of the widget for a value of LeNet's recipe by the report."""
    return f"{name} of lenet report on {FASHION.id}"


def expected(run: Run, root: Path, percent: float) -> tuple[int, int, int]:
    """k, lost and gained, straight from the stored arrays."""
    profile = RunStore(root).profile(run.id, PruningConfig())
    assert profile is not None
    row = profile.stop_index(percent)
    found = compare(RunStore(root).labels(run.id), profile.predicted[0], profile.predicted[row])
    return int(profile.k[row]), found.lost, found.gained


def test_the_overview_says_the_counts_of_the_stored_run_in_words(app: AppTest, shelved: tuple[Path, Run, Run]) -> None:
    root, run, _ = shelved
    app.query_params["run"], app.query_params["sparsity"] = run.id, "90"
    app.run()
    k, lost, gained = expected(run, root, 90)
    assert not app.exception
    read = json.loads(
        gzip.decompress(routes.panel({"run": run.id, "criterion": "magnitude", "scope": "global", "part": "wall"}))
    )
    profile = RunStore(root).profile(run.id, PruningConfig())
    assert profile is not None
    said = read["answers"][profile.stop_index(90)]
    assert f"{k:,} of {run.weights:,} weights set to zero." in said
    assert f"{lost:,} correct answers lost, {gained:,} gained" in said
    assert lost > 0


def test_a_clicked_image_is_opened_on_the_images_page(app: AppTest) -> None:
    app.run()
    app.session_state["clicked image"] = "7"
    app.run()
    assert not app.exception
    assert app.title[0].value == "Which answers changed?" and app.query_params["image"] == "7"


def test_the_overview_shows_the_report_beside_the_run(app: AppTest) -> None:
    app.run()
    said = {name: [cell["content"] for cell in row["cells"]] for name, row in rows(app).items()}
    assert [*said] == ["report", "In view"]  # no run ships in this test
    assert said["report"][1:4] == ["−1.55 pp, no interval", "72.86 %", "71.31 %"]
    assert said["In view"][1].startswith(wording.points(0.0))
    assert "95 % paired interval" in text(app)


def test_a_page_without_parameters_completes_its_url(app: AppTest) -> None:
    app.run()
    assert app.query_params["sparsity"] == "0.01"
    assert app.query_params["criterion"] == "magnitude" and app.query_params["scope"] == "global"
    assert app.query_params["repair"] == "none"
    assert len(str(app.query_params["run"])) == 12


def test_a_view_survives_the_change_of_page(app: AppTest, shelved: tuple[Path, Run, Run]) -> None:
    app.query_params["run"], app.query_params["sparsity"] = shelved[2].id, "5"
    app.run()
    app.switch_page("prune.py").run()
    assert not app.exception
    assert app.query_params["run"] == shelved[2].id and app.query_params["sparsity"] == "5"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("run", "../../etc/passwd", "is not a run id"),
        ("run", "0123456789ab", "There is no run 0123456789ab"),
        ("sparsity", "nan", "is not a sparsity"),
        ("sparsity", "101", "out of range"),
        ("sparsity", "<b>5</b>", "is not a sparsity"),
        ("criterion", "luck", "is not a criterion"),
        ("scope", "galactic", "is not a scope"),
        ("repair", "glue", "is not a repair"),
    ],
)
@pytest.mark.parametrize("page", [page.script for page in PAGES if page.script not in ("study.py", "teach.py")])
def test_a_bad_parameter_falls_back_with_a_note(app: AppTest, page: str, name: str, value: str, said: str) -> None:
    app.run()
    app.switch_page(page)
    app.query_params[name] = value
    app.run()
    assert not app.exception
    assert any(said in str(note.value) for note in app.warning)
    assert app.query_params[name] != value


LINKED = {
    ("prune.py", "log"): ("perhaps", "true or false", "false"),
    ("prune.py", "common"): ("", "true or false", "false"),
    ("prune.py", "kernels"): ("conv9", "one of “conv1”, “conv2”", "conv1"),
    ("prune.py", "margin"): ("51", "a number from 0.1 to 50", "0.5"),
    ("images.py", "section"): ("\N{GRINNING FACE}", "one of “Changed answers”, “First to change”", "Changed answers"),
    ("images.py", "outcome"): ("won", "one of “any”, “both right”, “lost”", "any"),
    ("images.py", "true"): ("coat", "one of “any”, “T-shirt”, “Trouser”", "any"),
    ("images.py", "dense"): ("Coat ", "one of “any”, “T-shirt”, “Trouser”", "any"),
    ("images.py", "pruned"): ("0", "one of “any”, “T-shirt”, “Trouser”", "any"),
    ("images.py", "moved"): ("nan", "one of “any”, “T-shirt”, “Trouser”", "any"),
    ("images.py", "page"): ("18", "a whole number from 1 to 17", "1"),
    ("images.py", "order"): ("Best", "one of “Most fragile” and “Most robust”", "Most fragile"),
    ("images.py", "source"): ("Film", "one of “Upload”, “Camera” and “Drawing”", "Upload"),
    ("study.py", "part"): ("1", "one of “Criteria”, “One layer at a time”", "Criteria"),
    ("study.py", "competing"): ("global", "one of “Global”, “Layerwise”, “ERK” and “N\\:M”", "Global"),
    ("study.py", "networks"): ("VGG, quick", "one of “Small ResNet, quick”", "LeNet-5, quick"),
    ("study.py", "data"): ("Elsewhere", "one of “Fashion-MNIST”", "Fashion-MNIST"),
}
"""Of each widget in the URL: what cannot be, what must be, and what is shown."""

SECTION = {"order": "First to change", "source": "Your own image"}


@pytest.mark.parametrize(("where", "asked"), LINKED.items(), ids=lambda part: part[1] if len(part) == 2 else part[0])
def test_what_a_link_asks_for_and_cannot_be_is_said_with_what_is_shown(
    app: AppTest, where: tuple[str, str], asked: tuple[str, str, str]
) -> None:
    (page, key), (value, must, shown) = where, asked
    app.query_params[key] = value
    if key in SECTION:
        app.query_params["section"] = SECTION[key]
    app.switch_page(page).run()
    assert not app.exception
    (note,) = [str(note.value) for note in app.warning]
    assert f"{key}=“{value}”" in note and must in note and note.endswith(f"Shown instead: “{shown}”.")
    assert key not in app.query_params
    app.run()
    assert not app.warning and not app.exception


@pytest.mark.parametrize("value", ["inf", "-inf", "1e400", "nan", "0", "1.5", "x", "", "9" * 400])
def test_a_number_that_cannot_be_is_said(app: AppTest, value: str) -> None:
    app.query_params["page"] = value
    app.switch_page("images.py").run()
    assert not app.exception and app.number_input(key="page").value == 1
    assert f"page=“{value[:40]}”" in str(app.warning[0].value)


def test_all_that_a_link_asks_for_and_cannot_be_is_said_at_once(app: AppTest) -> None:
    for name, value in {"run": "x", "sparsity": "lots", "section": "y", "page": "inf", "image": "z"}.items():
        app.query_params[name] = value
    app.switch_page("images.py").run()
    said = text(app)
    assert not app.exception and all(f"“{value}”" in said for value in ("lots", "y", "inf", "z")) and "run id" in said


def test_what_a_link_asks_for_and_can_be_is_shown_without_a_note(app: AppTest) -> None:
    asked = {"section": "Changed answers", "outcome": "lost", "true": "any", "page": "1"}
    for name, value in asked.items():
        app.query_params[name] = value
    app.switch_page("images.py").run()
    assert not app.exception and not app.warning and app.selectbox(key="outcome").value == "lost"


def test_a_link_that_asks_twice_is_answered(app: AppTest) -> None:
    app.query_params["section"] = ["Class by class", "First to change"]
    app.switch_page("images.py").run()
    assert not app.exception and "section=“Class by class, First to change”" in str(app.warning[0].value)


def test_no_page_binds_a_widget_by_itself() -> None:
    """So every widget in the URL falls back with a note."""
    pages = Path(ROUTER).parent
    bound = {path.name for path in pages.glob("**/*.py") if "query-params" in path.read_text("utf-8")}
    assert bound == {"linked.py"}


def test_a_typed_stop_moves_the_url(app: AppTest) -> None:
    app.run()
    app.switch_page("prune.py").run()
    app.text_input(key=EXACT).set_value("12 weights").run()
    total = RunStore().get(str(app.query_params["run"])).weights
    assert float(str(app.query_params["sparsity"])) == pytest.approx(1200 / total)


@pytest.mark.parametrize("typed", ["lots", "-1", "100.5", "1e999", "nan", "", "9999999 weights"])
def test_a_typed_sparsity_that_is_none_stays_in_the_field_and_is_answered(app: AppTest, typed: str) -> None:
    app.run()
    app.switch_page("prune.py").run()
    app.text_input(key=EXACT).set_value(typed).run()
    assert not app.exception
    assert app.error and app.query_params["sparsity"] == "0.01"
    assert app.text_input(key=EXACT).value == typed


def test_choosing_a_run_moves_the_url(app: AppTest, shelved: tuple[Path, Run, Run]) -> None:
    app.query_params["run"] = shelved[1].id
    app.run()
    app.selectbox(key="picked run").set_value(shelved[2].id).run()
    assert app.query_params["run"] == shelved[2].id


def test_an_unreachable_scheduler_is_named_and_the_stored_profile_still_shown(app: AppTest) -> None:
    app.run()
    app.switch_page("prune.py").run()
    app.segmented_control(key="picked scope").set_value("layerwise").run()
    assert not app.exception
    assert any("tcp://127.0.0.1:1 does not answer" in str(error.value) for error in app.error)
    app.segmented_control(key="picked scope").set_value("global").run()
    assert not app.error


@pytest.fixture
def images(app: AppTest) -> AppTest:
    """The Images page at 80 %, where answers have changed."""
    app.query_params["sparsity"] = "80"
    app.run()
    app.switch_page("images.py").run()
    assert not app.exception
    return app


def answers(run: Run, root: Path, percent: float) -> tuple[Labels, Labels, Labels]:
    store = RunStore(root)
    profile = store.profile(run.id, PruningConfig())
    assert profile is not None
    return store.labels(run.id), profile.predicted[0], profile.predicted[profile.stop_index(percent)]


def seen(app: AppTest, shelved: tuple[Path, Run, Run]) -> Run:
    return next(run for run in shelved[1:] if run.id == app.query_params["run"])


def test_a_filter_finds_as_many_images_as_the_confusion_matrix_counts(
    images: AppTest, shelved: tuple[Path, Run, Run]
) -> None:
    labels, dense, pruned = answers(seen(images, shelved), shelved[0], 80)
    images.selectbox(key="true").set_value("Coat").run()
    images.selectbox(key="pruned").set_value("Shirt").run()
    expected = confusion_matrix(labels, pruned, 10)[CLASSES.index("Coat"), CLASSES.index("Shirt")]
    said = f"{expected} of {len(labels)} images, true class Coat, pruned answer Shirt"
    assert [header.value for header in images.header] == [said]
    images.button[0].click().run()
    assert images.header[0].value == f"{len(labels)} of {len(labels)} images"
    images.selectbox(key="outcome").set_value("lost").run()
    assert images.header[0].value == f"{compare(labels, dense, pruned).lost} of {len(labels)} images, lost"


def test_a_page_beyond_the_last_is_the_last(images: AppTest) -> None:
    images.number_input(key="page").set_value(10).run()
    images.selectbox(key="outcome").set_value("lost").run()
    assert not images.exception and images.number_input(key="page").value == 1


@pytest.mark.parametrize("named", ["-1", "400", "9999999999999999", "<b>", "1.5", "²"])
def test_an_image_that_there_is_not_falls_back_with_a_note(images: AppTest, named: str) -> None:
    images.query_params["image"] = named
    images.run()
    assert not images.exception and "image" not in images.query_params
    assert any("There is no image" in str(note.value) for note in images.warning)


def test_each_section_opens_by_its_link(images: AppTest) -> None:
    for section, said in (
        ("First to change", "An answer may change back later"),
        ("Class by class", "most often confused with one another"),
        ("Your own image", "One object on a plain background"),
    ):
        images.segmented_control(key="section").set_value(section).run()
        assert not images.exception and said in text(images)


def test_the_table_of_classes_says_recall_and_corrected_p(images: AppTest, shelved: tuple[Path, Run, Run]) -> None:
    labels, dense, pruned = answers(seen(images, shelved), shelved[0], 80)
    images.segmented_control(key="section").set_value("Class by class").run()
    for row, c in zip(rows(images).values(), by_class(labels, dense, pruned, 10), strict=True):
        said = [cell["content"] for cell in row["cells"]]
        assert c.recall and said[1] == str(c.recall.n) and wording.percent(c.recall.pruned.value) in said[2]
        assert said[4] == wording.relation(c.p_value).removeprefix("= ")


def test_where_answers_change_first_is_drawn_from_the_stored_answers(
    images: AppTest, shelved: tuple[Path, Run, Run]
) -> None:
    images.segmented_control(key="section").set_value("First to change").run()
    bars = charts(images)[0]["figure"]["data"][0]
    profile = RunStore(shelved[0]).profile(seen(images, shelved).id, PruningConfig())
    assert profile is not None
    counts = np.bincount(first_change(profile), minlength=len(profile.k) + 1)
    shown = bars["y"]
    if isinstance(shown, dict):
        shown = np.frombuffer(base64.b64decode(shown["bdata"]), shown["dtype"])
    assert [*shown] == [*counts]


def test_the_runs_are_listed_with_what_was_stored_and_only_ones_own_can_be_deleted(
    app: AppTest, shelved: tuple[Path, Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, run, other = shelved
    mine = shelf.train(root, owner="ann")
    monkeypatch.setattr("pages.ui.server.services.owner", lambda: "ann")
    app.run()
    app.switch_page("train.py").run()
    found = rows(app)
    assert {*found} == {run.id, other.id, mine.id}
    said = [cell["content"] for cell in found[run.id]["cells"]]
    assert wording.percent(run.accuracy.value) in said and f"{run.weights:,}" in said and run.id in said
    assert [a["name"] for a in found[run.id]["actions"]] == ["prune"]
    assert [a["name"] for a in found[mine.id]["actions"]] == ["prune", "delete"]
    app.session_state["to delete"] = mine.id
    app.run()
    assert RunStore(root).has(mine.id)  # not before it is confirmed
    next(b for b in app.button if b.label == "Delete it").click().run()
    assert not RunStore(root).has(mine.id) and {*rows(app)} == {run.id, other.id}


def test_an_image_without_the_data_is_answered_with_what_to_do(
    images: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.ui.view.lookup.test_split", lambda name: None)
    images.query_params["image"] = "3"
    images.run()
    assert not images.exception and "not on this server" in text(images)


def test_an_image_without_a_worker_is_answered_with_what_to_do(
    images: AppTest, shelved: tuple[Path, Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = RunStore(shelved[0]).labels(seen(images, shelved).id)
    monkeypatch.setattr(
        "pages.ui.view.lookup.test_split", lambda name: Split(np.zeros((len(labels), 28, 28), np.uint8), labels)
    )
    images.query_params["image"] = "3"
    images.run()
    assert not images.exception
    assert any("does not answer" in str(error.value) for error in images.error)


def test_the_train_page_offers_each_recipe_with_its_values(app: AppTest) -> None:
    app.run()
    app.switch_page("train.py").run()
    assert not app.exception
    app.selectbox(key="network").set_value("lenet").run()
    app.segmented_control(key="recipe of lenet").set_value("report").run()
    assert app.number_input(key=value_key("momentum")).value == 0.0
    assert app.selectbox(key=value_key("optimizer")).value == "sgd"
    app.number_input(key="seed").set_value(shelf.SEED).run()
    assert any("This run is trained" in str(message.value) for message in app.success)


def test_changed_values_are_another_run(app: AppTest) -> None:
    app.run()
    app.switch_page("train.py").run()
    app.selectbox(key="network").set_value("lenet").run()
    app.number_input(key=value_key("epochs")).set_value(3).run()
    assert not app.success and [button.label for button in app.button] == ["Train"]


def test_what_makes_a_network_small_is_part_of_the_run_and_what_has_no_effect_cannot_be_set(app: AppTest) -> None:
    app.run()
    app.switch_page("train.py").run()
    app.selectbox(key="network").set_value("lenet").run()
    assert all(app.number_input(key=value_key(name)).disabled for name in ("rounds", "end", "rounded", "temperature"))
    app.number_input(key=value_key("sparsity")).set_value(0.9).run()
    app.selectbox(key=value_key("bits")).set_value(4).run()
    app.selectbox(key=value_key("teacher")).set_value("resnet").run()
    assert not app.exception
    assert app.number_input(key=value_key("rounds")).disabled and not app.number_input(key=value_key("end")).disabled
    assert not app.number_input(key=value_key("rounded")).disabled
    assert not app.number_input(key=value_key("temperature")).disabled
    app.number_input(key=value_key("end")).set_value(0.05).run()
    assert any("let it end later" in str(error.value) for error in app.error)


def test_a_network_made_small_says_that_it_has_zeros_already(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "At least 90 % of this network's weights are zero since its training."
    app.run()
    app.switch_page("prune.py").run()
    assert not app.exception and not any("since its training" in str(note.value) for note in app.caption)
    monkeypatch.setattr("core.run.Run.sparse", 0.9)
    app.run()
    assert not app.exception and any(said in str(note.value).replace("\xa0", " ") for note in app.caption)


def test_a_recipe_says_what_is_trained_before_it(app: AppTest) -> None:
    app.run()
    app.switch_page("train.py").run()
    app.number_input(key="seed").set_value(7).run()
    app.segmented_control(key="recipe of convnet").set_value("5 %").run()
    assert not app.exception
    assert any("Before it, ConvNet (seed 7, 24 epochs) will be trained" in str(note.value) for note in app.caption)


def test_the_time_of_a_network_without_a_run_is_guessed_from_another(app: AppTest) -> None:
    app.run()
    app.switch_page("train.py").run()
    said = []
    for recipe in ("quick", "best"):
        app.selectbox(key="network").set_value("convnet-small").run()
        app.segmented_control(key="recipe of convnet-small").set_value(recipe).run()
        assert not app.exception
        said += [str(note.value) for note in app.caption if "at the speed" in str(note.value)]
    quick, best = said
    assert re.fullmatch("3 epochs, about .*, at the speed of the last run of ConvNet here.", quick)  # not of LeNet's
    assert best.startswith("60 epochs") and best.split(",")[1] != quick.split(",")[1]


def test_training_without_a_scheduler_is_answered_with_what_to_do(app: AppTest) -> None:
    app.run()
    app.switch_page("train.py").run()
    app.number_input(key="seed").set_value(5).run()
    if app.button[0].disabled:
        pytest.skip("Fashion-MNIST is not on this machine; run `make data`")
    app.button[0].click().run()
    assert not app.exception
    assert any("does not answer" in str(e.value) for e in [*app.error, *app.warning])


def test_without_the_data_the_app_opens_and_says_how_to_get_it(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PRUNELAB_DATA", str(tmp_path))
    app.run()
    assert not app.exception and rows(app)["In view"]
    assert any("make data" in str(note.value) for note in app.info)
    app.switch_page("train.py").run()
    app.number_input(key="seed").set_value(5).run()
    assert not app.exception and app.button[0].disabled


def test_without_any_run_each_page_points_to_training(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path / "empty"))
    for page in PAGES:
        app.run()
        app.switch_page(page.script).run()
        assert not app.exception
    app.switch_page("prune.py").run()
    assert any("Train a network first" in str(note.value) for note in app.info)


def test_the_pages_never_import_torch(shelved: tuple[Path, Run, Run]) -> None:
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({ROUTER!r}, default_timeout={PATIENCE}).run()
for page in {[*(page.script for page in PAGES[1:]), PAGES[0].script]!r}:
    app.switch_page(page).run()
    assert not app.exception, app.exception
import streamlit_app
assert "torch" not in sys.modules and "torchvision" not in sys.modules
"""
    environment = {
        "PRUNELAB_RUNS": str(shelved[0]),
        "DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:1",
        "PATH": "/usr/bin:/bin",
    }
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr


# --- study ------------------------------------------------------------------------------------------------------


def test_the_study_page_without_curves_offers_to_compute_them_and_says_what_stands_in_the_way(app: AppTest) -> None:
    app.switch_page("study.py").run()
    assert not app.exception and "0 of 40 cells" in text(app)
    app.button[0].click().run()
    assert not app.exception and "does not answer" in text(app)


def test_the_study_page_compares_the_criteria_in_words_figure_and_table(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path / "store"))
    levels = studied(tmp_path / "store")
    app.switch_page("study.py").run()
    assert not app.exception and "cells of this figure" not in text(app)
    assert "over 5 networks" in app.header[0].value and "more than Random" in text(app)
    spec = charts(app)[0]["figure"]
    drawn = [trace for trace in spec["data"] if trace["mode"] == "lines+markers"]
    assert [trace["name"] for trace in drawn][:2] == ["Magnitude", "Random"] and len(drawn) == len(levels)
    found = rows(app)
    assert set(found) == set(levels)
    for name, level in levels.items():
        said = found[name]["cells"]
        assert said[1]["content"] == "5" and said[4]["rank"] == pytest.approx(level, abs=0.01)
        if name != "magnitude":
            assert said[3]["rank"] < 0 and "[" in said[3]["content"]


@pytest.mark.parametrize(("part", "cells"), [("One layer at a time", 25), ("Retraining", 40), ("Optimizers", 40)])
def test_each_part_of_the_study_is_in_the_link(app: AppTest, part: str, cells: int) -> None:
    app.query_params["part"] = part
    app.switch_page("study.py").run()
    assert not app.exception and f"0 of {cells} cells" in text(app)


@pytest.mark.parametrize("part", ["Retraining", "Optimizers"])
def test_two_kinds_of_networks_stand_beside_each_other(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path / "store"))
    store = Results(RunStore(tmp_path / "store"))
    levels = {"lenet": 0.8, "convnet" if part == "Retraining" else "convnet-small": 0.85}
    other = "ConvNet, quick" if part == "Retraining" else "Small ConvNet, quick"
    for network, level in levels.items():
        configs = study.networks(network, "quick")
        for line in study.by_retraining(configs) if part == "Retraining" else study.by_optimizer(configs):
            for cell in line.cells:
                made = curve(cell, [level] * len(cell.sparsities))
                parts = len(study.layers(configs))
                layer_k = tuple((round(100 * s),) * parts for s in cell.sparsities)
                store.put(cell, replace(made, sizes=(100,) * parts, uses=(1,) * parts, layer_k=layer_k))
    app.query_params["part"] = part
    app.switch_page("study.py").run()
    assert not app.exception and "cells of this figure" not in text(app)
    assert [head.value for head in app.subheader] == ["LeNet-5, quick", other]
    said = text(app) + app.header[0].value
    if part == "Retraining":
        assert "80.00\u00a0% of 90.00\u00a0% (LeNet-5, quick)" in said and "85.00\u00a0%" in app.header[0].value
        assert all(one.link in said and one.source in said for one in study.PUBLISHED)
    else:
        assert "within 0.5\u00a0pp: nothing with Muon and nothing with SGD (LeNet-5, quick);" in app.header[0].value
        assert "Ranked by LAMP, there can go nothing with Muon and nothing with SGD (LeNet-5, quick);" in said
    found = rows(app)
    assert len(found) == 8
    for title, network in zip(("LeNet-5, quick", other), levels, strict=True):
        of = [row["cells"] for name, row in found.items() if name.startswith(title)]
        assert len(of) == len(found) / 2 and all(cells[4]["rank"] == levels[network] for cells in of)

    app.selectbox(key="networks").select(other).run()
    assert not app.exception and [head.value for head in app.subheader] == [other, "LeNet-5, quick"]


def test_the_claim_is_answered_in_words_figure_and_table(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path / "store"))
    store = Results(RunStore(tmp_path / "store"))
    none = Proportion(7300, 10_000)
    for config in audit.networks():
        all_of_it = Proportion(7140 + 3 * config.seed, 10_000)
        findings = {r.name: Finding(4, none, all_of_it if r.name == "signed 0.1" else none) for r in READINGS}
        made = Audit(config=config, findings=findings, created="", versions={}, machine={})
        store.put(Auditing(config=config), made)
    app.query_params["part"] = "The claim, audited"
    app.switch_page("study.py").run()
    assert not app.exception
    assert "cannot explain" in app.header[0].value and "- The same with 0.1 %" in text(app)
    found = rows(app)
    assert list(found) == [reading.name for reading in READINGS]
    assert {name: cells["cells"][5]["content"] for name, cells in found.items()} == {
        name: "yes" if name == "signed 0.1" else "no" for name in found
    }
    assert "All 5 networks were trained and audited on this server" in text(app)
    assert "reported" in str(charts(app)[0]["figure"])


def test_the_claim_without_audits_offers_to_compute_them(app: AppTest) -> None:
    app.query_params["part"] = "The claim, audited"
    app.switch_page("study.py").run()
    assert not app.exception and app.button[0].label == "Compute it"
    app.button[0].click().run()
    assert not app.exception and "does not answer" in text(app)


def test_a_study_of_the_claims_networks_is_not_taken_for_its_audit(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = JobState(job=Network(config=audit.networks()[0]), submitted=0.0, status="running")
    monkeypatch.setattr(Engine, "jobs", lambda engine: [training])
    monkeypatch.setattr(Engine, "state", lambda engine, job_id: training if job_id == training.id else None)
    app.query_params["part"] = "The claim, audited"
    app.switch_page("study.py").run()
    assert not app.exception and [button.label for button in app.button] == ["Compute it"]


# --- exact questions --------------------------------------------------------------------------------------------


def test_exact_questions_are_offered_answered_in_words_and_only_where_all_weights_compete(
    app: AppTest, shelved: tuple[Path, Run, Run]
) -> None:
    root, run, _ = shelved
    app.query_params["run"] = run.id
    app.switch_page("prune.py").run()
    assert [button.label for button in app.button] == ["Find out"] * 3
    c = Comparison(400, 300, 1, 0, 99, 1)
    found = Bisection(k=7, total=run.weights, at=c, beyond=None, test=c, evaluations=20)
    search = Search(run_id=run.id, goal="change")
    Results(RunStore(root)).put(search, found)
    app.run()
    assert search_in_words(search, found) in text(app) and "with 20 passes over all images" in text(app)
    assert [button.label for button in app.button] == ["Find out"] * 2
    app.button[0].click().run()
    assert not app.exception and "does not answer" in text(app)
    app.query_params["scope"] = "layerwise"
    app.run()
    assert not app.exception and "Find out" not in [button.label for button in app.button]


# --- storage ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weighed(shelved: tuple[Path, Run, Run]) -> Ledger:
    """The ledger of the first run over the stops."""
    return ledger_of(RunStore(shelved[0]), shelved[1])


def ledger_of(store: RunStore, run: Run) -> Ledger:
    """The ledger of a run over the stops of its profile."""
    profile, weights = store.profile(run.id, PruningConfig()), store.weights(run.id)
    assert profile is not None
    return weigh(weights, rank(weights, PruningConfig()), profile.sparsity.tolist())


def test_the_byte_ledger_is_asked_for_and_then_shown_line_by_line(
    app: AppTest, shelved: tuple[Path, Run, Run], weighed: Ledger
) -> None:
    root, run, _ = shelved
    app.query_params["run"], app.query_params["sparsity"] = run.id, "90"
    app.switch_page("storage.py").run()
    assert not app.exception and "measured at the stops of the slider" in text(app)
    assert "does not answer" in text(app)

    store = RunStore(root)
    profile, ledger = store.profile(run.id, PruningConfig()), weighed
    assert profile is not None
    Results(store).put(Weighing(run_id=run.id), ledger)
    app.run()
    row = profile.stop_index(90)
    taken = int(ledger.bytes[COMPACT.key][row])
    assert not app.exception
    assert f"At 90\u00a0% the smallest lossless form is the compact encoding: {taken:,}\u00a0bytes" in text(app)
    shown = rows(app, "Byte ledger")
    assert [*shown] == [entry.key for entry in ledger.main(row)]
    app.toggle(key="all").set_value(True).run()
    shown = rows(app, "Byte ledger")
    assert [*shown] == [entry.key for entry in ENTRIES]
    for entry in ENTRIES:
        assert shown[entry.key]["cells"][2]["content"] == f"{ledger.bytes[entry.key][row]:,}"
        assert shown[entry.key]["cells"][4]["rank"] == ledger.bytes[entry.key][row] / ledger.unpruned[entry.key]
        above = ledger.above_bound(entry, row)
        assert (shown[entry.key]["cells"][5]["content"] == "no bound") == (above is None) == (entry.type == "float16")
        assert above is None or shown[entry.key]["cells"][5]["rank"] == above

    assert "has not been measured yet" in text(app)
    c = Comparison(400, 300, 1, 0, 99, 1)
    Results(store).put(Rounding(run_id=run.id, sparsity=0.9), Rounded(float16=c, int8=c, int4=c))
    app.run()
    assert not app.exception and f"**int8**: {wording.accuracy(c.pruned)}, {wording.difference(c)}" in text(app)
    assert "**int4**:" in text(app)


def test_the_frontier_has_every_run_that_is_measured_and_offers_the_others(
    app: AppTest, shelved: tuple[Path, Run, Run], weighed: Ledger
) -> None:
    root, run, other = shelved
    store = RunStore(root)
    Results(store).put(Weighing(run_id=run.id), weighed)
    app.query_params["run"], app.query_params["sparsity"] = run.id, "90"
    app.switch_page("storage.py").run()
    assert not app.exception and "How small can it get?" in [header.value for header in app.header]
    assert drawn_runs(app) == {run.id} and "1 of 2 runs on this data set" in text(app)
    next(b for b in app.button if b.label == "Measure 1 run").click().run()
    assert not app.exception and "does not answer" in text(app)

    Results(store).put(Weighing(run_id=other.id), ledger_of(store, other))
    app.run()
    assert not app.exception and drawn_runs(app) == {run.id, other.id} and "Measure 1 run" not in text(app)
    lines = [frontier.line(r.id, "", p, b, store.labels(r.id)) for r, p, b in known(store, run, other)]
    points = [point for line in lines for point in line.points]
    shown = rows(app, "Best within a budget")
    assert [*shown] == [str(budget) for budget in frontier.BUDGETS]
    for budget in frontier.BUDGETS:
        best = frontier.at_most(points, budget)
        cells = [cell["content"] for cell in shown[str(budget)]["cells"]]
        assert best is not None and cells[1] == wording.percent(best.accuracy.value) and cells[4] == f"{best.bytes:,}"
        assert [action["name"] for action in shown[str(budget)]["actions"]] == [best.name]


def known(store: RunStore, *runs: Run) -> Iterator[tuple[Run, Profile, Ledger]]:
    """The answers and bytes that are stored of runs."""
    for run in runs:
        profile, ledger = store.profile(run.id, PruningConfig()), Results(store).get(Weighing(run_id=run.id))
        assert profile is not None and ledger is not None
        yield run, profile, ledger


def drawn_runs(app: AppTest) -> set[str]:
    """The runs with a line in the figure of the frontier."""
    figure = json.loads(sent(app, "mark")[0]["figure"])
    return {name.split("@")[0] for trace in figure["base"]["data"] for name in trace.get("ids", ())}


def test_weights_and_filters_are_offered_and_then_shown_with_their_n(
    app: AppTest, shelved: tuple[Path, Run, Run], weighed: Ledger
) -> None:
    root, run, _ = shelved
    store = RunStore(root)
    Results(store).put(Weighing(run_id=run.id), weighed)
    app.query_params["run"], app.query_params["sparsity"] = run.id, "90"
    app.run()
    app.switch_page("storage.py").run()
    assert "has not been compared yet" in text(app)
    assert {"Compare weights and filters", "Prepare the files", "Measure the time"} <= {
        button.label for button in app.button
    }
    found = small.tradeoff()
    Results(store).put(Comparing(run_id=run.id), found)
    files = Export({"weights.pt": b"some"}, ("weights.pt was read again.",))
    Results(store).put(Exporting(run_id=run.id, sparsity=0.9), files)
    app.run()
    assert not app.exception and "Compare weights and filters" not in {button.label for button in app.button}
    assert "single weights reach 83.50\u00a0%" in text(app) and "400 test images" in text(app)
    shown = rows(app)
    assert len(shown) == 2 * len(RETRAINED)
    assert shown["filters 0.5"]["cells"][3]["content"] == "83.50\u00a0%"
    assert "weights.pt was read again." in text(app)
    assert "def network(images)" in str(app.code[0].value)


@pytest.mark.parametrize("chosen", ["on", "off"])
def test_a_network_can_be_brought_unless_the_host_says_no(
    chosen: str, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRUNELAB_NETWORKS", chosen)
    app.switch_page("train.py").run()
    assert not app.exception
    assert ("Bring a network of your own" in [part.label for part in app.expander]) == (chosen == "on")
