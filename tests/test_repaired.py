"""A repaired network on the pages: its words, its lines and marks, its panel's address, and the choice of it."""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import plotly.graph_objects as go
import pytest
import streamlit as st
from hypothesis import given, strategies
from streamlit.testing.v1 import AppTest

from core import figures, panels
from core.cost.ledger import Weighing
from core.cost.tradeoff import Comparing
from core.cost.weighing import weigh
from core.errors import PruneLabError
from core.evaluation import Comparison, compare
from core.evaluation.profile import STOPS, Profile
from core.figures import colours
from core.figures.base import hundredths
from core.networks import Kernel
from core.panels.base import beside
from core.pruning import AS_IS, REPAIRS, PruningConfig, rank
from core.run import Run
from core.store.results import Results
from core.store.runs import RunStore
from core.words import repair, wording
from core.words.glossary import TERMS
from pages.ui.server import routes
from pages.ui.view import address, lookup
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops, panel_query
from tests import shelf, small
from tests.reading import rows, text

BATCH_NORM, REFIT = "batch-norm", "refit"
EACH = pytest.mark.parametrize("name", [BATCH_NORM, REFIT])


def compared(lost: int, gained: int, n: int = 10_000) -> Comparison:
    both = (n - lost - gained) * 9 // 10
    return Comparison(n, both, lost, gained, n - both - lost - gained, lost + gained)


def repaired(profile: Profile, name: str, share: float) -> Profile:
    """The profile of a repair that gives this share of the images their dense answers back."""
    predicted = profile.predicted.copy()
    back = np.arange(predicted.shape[1]) % 100 < 100 * share
    predicted[:, back] = profile.predicted[0, back]
    return replace(profile, pruning=profile.pruning.then(name), predicted=predicted)


# --- in words ---------------------------------------------------------------------------------------------------


def test_each_repair_has_its_word_and_stands_in_the_glossary() -> None:
    assert [repair.network(name) for name in REPAIRS] == ["pruned", "repaired", "refitted"]
    assert repair.networks(REFIT) == "dense → refitted"
    assert [repair.after(name) for name in REPAIRS] == ["", " (with batch norm re-measured)", " (refitted)"]
    assert {"Repair", "Batch norm re-measured", "Refitting"} <= TERMS.keys()


def test_the_answer_says_what_was_lost_before_and_after_the_repair() -> None:
    as_is, after, back = compared(4_769, 168), compared(310, 280), compared(100, 4_600)
    assert repair.answer(REFIT, 50, 100, after, as_is, back) == (
        "50 of 100 weights set to zero. As is, 4,769 correct answers lost, 168 gained; refitted, 310 lost, 280 gained, "
        f"of 10,000. The difference in accuracy, {wording.difference(after)}, may be chance. "
        "Most of the loss was damage that needs no labels to repair."
    )
    fell = compared(310, 100)
    assert (
        f"Accuracy fell by more than chance would explain: {wording.difference(fell)}."
        in repair.answer(BATCH_NORM, 50, 100, fell, as_is, back)
    )  # fmt: skip


def test_what_did_not_change_is_not_said_to_have_changed() -> None:
    none = compared(0, 0)
    assert repair.answer(REFIT, 0, 100, none, none, none) == wording.answer(0, 100, none)
    healed = repair.answer(REFIT, 50, 100, none, compared(40, 2), compared(2, 40))
    assert "As is, 40 correct answers lost, 2 gained; refitted, none of 10,000 answers changed. Most of" in healed
    hurt = repair.answer(REFIT, 50, 100, compared(5, 2), none, compared(5, 2))
    assert "As is, no answer changed; refitted, 5 lost, 2 gained, of 10,000. The difference" in hurt


@pytest.mark.parametrize(
    ("as_is", "back", "said"),
    [
        (compared(120, 20), compared(0, 51), "Most"),  # 51 of 100
        (compared(120, 20), compared(0, 50), "Part"),  # exactly half
        (compared(120, 20), compared(5, 15), "Part"),  # p = 0.041
        (compared(120, 20), compared(5, 14), ""),  # p = 0.064
        (compared(12, 2), compared(2, 8), ""),  # more than half of it, but perhaps by chance
        (compared(30, 20), compared(0, 30), ""),  # the loss may be chance
        (compared(20, 120), compared(0, 50), ""),  # pruning gained
        (compared(120, 20), compared(50, 0), ""),  # the repair made it worse
        (compared(120, 20), compared(0, 0), ""),
        (compared(0, 0), compared(0, 0), ""),
    ],
)
def test_how_much_was_repaired_is_said_only_where_chance_does_not_explain_it(
    as_is: Comparison, back: Comparison, said: str
) -> None:
    assert repair.undone(as_is, back) == (f"{said} of the loss was damage that needs no labels to repair." * bool(said))


@given(*(strategies.integers(0, 300) for _ in range(4)))
def test_what_is_said_of_the_repair_is_true(lost: int, gained: int, worse: int, better: int) -> None:
    as_is, back = compared(lost, gained), compared(worse, better)
    said = repair.undone(as_is, back)
    if said:
        assert as_is.significant and back.significant and lost > gained and better > worse
        assert said.startswith("Most") == (better - worse > (lost - gained) / 2)


# --- the curve --------------------------------------------------------------------------------------------------


@cache
def profiles(own: float | None = None) -> dict[str, Profile]:
    as_is = small.profile(own=own)
    return {
        AS_IS: as_is,
        BATCH_NORM: repaired(as_is, BATCH_NORM, 0.3),
        REFIT: repaired(as_is, REFIT, 0.9),
    }


def chosen(name: str) -> tuple[Profile, list[Profile]]:
    return profiles()[name], [other for key, other in profiles().items() if key != name]


def curve(name: str) -> figures.LiveFigure:
    profile, others = chosen(name)
    also = beside(profile, others, small.LABELS)
    return figures.accuracy_curve(profile, profile.comparisons(small.LABELS), also)


@pytest.mark.parametrize("name", REPAIRS)
def test_the_curve_has_a_line_for_each_repair_and_a_band_for_the_chosen_one(name: str) -> None:
    figure, (profile, others) = curve(name), chosen(name)
    lines = [trace for trace in figure.base["data"] if trace.get("name") in {r.title for r in REPAIRS.values()}]
    assert len(lines) == 6
    for other in (profile, *others):
        above, below = (trace for trace in lines if trace["name"] == other.pruning.followed_by.title)
        found = other.comparisons(small.LABELS)
        assert above["y"] == [hundredths(c.pruned.value) for c in found] and below["y"] == [
            hundredths(c.difference) for c in found
        ]
        assert above["line"]["color"] == (colours.PRUNED if other.pruning.repair == AS_IS else colours.REPAIRED)
        assert ("markers" in above["mode"]) == (other is profile) and above["showlegend"] and not below["showlegend"]
    (band,) = {trace["fillcolor"] for trace in figure.base["data"] if trace.get("fill")}
    assert band == (colours.CUT if name == AS_IS else colours.MENDED)
    assert figure.base["layout"]["showlegend"]
    assert len(figure.stops_of) == 6 and all(len(figure.base["data"][i]["x"]) == len(STOPS) for i in figure.stops_of)


@pytest.mark.parametrize("name", REPAIRS)
def test_no_two_lines_differ_in_colour_alone(name: str) -> None:
    lines = [trace for trace in curve(name).base["data"] if trace.get("showlegend")]
    for one, two in combinations(lines, 2):
        assert one["line"]["dash"] != two["line"]["dash"] or one["mode"] != two["mode"]
        assert one["name"] != two["name"]


@EACH
@pytest.mark.parametrize("stop", [0, 20, len(STOPS) - 1])
def test_the_marks_of_the_chosen_repair_move_and_the_figure_is_plotlys(name: str, stop: int) -> None:
    figure, (profile, _) = curve(name), chosen(name)
    content = json.loads(go.Figure(figure.base).to_json())
    content["layout"].pop("template", None)
    assert content == json.loads(json.dumps(figure.base))
    drawn, c = figure.at(stop), profile.comparison(small.LABELS, stop)
    accuracy, _ = (trace for trace in drawn.data if trace.name == "mark")
    assert accuracy.y[0] == hundredths(c.pruned.value) and accuracy.marker.color == colours.REPAIRED
    assert {shape.line.color for shape in drawn.layout.shapes if shape.xref in ("x", "x2")} == {colours.REPAIRED}


def test_a_stop_that_another_repair_lacks_is_a_gap_that_is_bridged() -> None:
    profile, other = profiles(own=0.123)[REFIT], profiles()[BATCH_NORM]
    also = beside(profile, [other], small.LABELS)[BATCH_NORM]
    assert [i for i, c in enumerate(also) if c is None] == [profile.stop_index(12.3)]
    figure = figures.accuracy_curve(profile, profile.comparisons(small.LABELS), {BATCH_NORM: also})
    line = figure.base["data"][0]
    assert line["connectgaps"] and line["y"].index(None) == profile.stop_index(12.3)


def test_alone_the_network_as_it_is_has_no_legend() -> None:
    profile = small.profile()
    figure = figures.accuracy_curve(profile, profile.comparisons(small.LABELS))
    assert not figure.base["layout"]["showlegend"] and figure.stops_of == (1, 3)


def test_whole_filters_are_not_drawn_in_the_colour_of_the_repaired_network() -> None:
    assert colours.REPAIRED not in figures.accuracy_over_bytes(small.tradeoff()).to_json()


# --- the panels -------------------------------------------------------------------------------------------------


def panel(name: str, others: bool = True) -> panels.Panel:
    profile, rest = chosen(name)
    ranking = small.ranking(PruningConfig())
    return panels.pruning(profile, small.weights(), ranking, small.LABELS, small.CLASSES, rest if others else ())


def many(profile: Profile) -> Profile:
    """The same answers to fifty times as many images, of which an interval is narrow enough for the margin."""
    return replace(
        profile, predicted=np.tile(profile.predicted, (1, 50)), probability=np.tile(profile.probability, (1, 50))
    )


def marks(profile: Profile, others: Sequence[Profile]) -> dict[str, int]:
    labels = np.tile(small.LABELS, 50)
    found = panels.pruning(profile, small.weights(), small.ranking(), labels, small.CLASSES, others).marks
    for mark in found:
        assert mark.label.endswith(f" {wording.sparsity(float(profile.sparsity[mark.stop]))}")
    return {mark.label.rpartition(" ")[0]: mark.stop for mark in found}


@pytest.mark.parametrize("name", REPAIRS)
@pytest.mark.parametrize("own", [None, 1e-9])
def test_there_is_a_mark_for_how_far_each_repair_stays_within_the_margin(name: str, own: float | None) -> None:
    each = {key: many(profile) for key, profile in profiles().items()}
    shown = many(profiles(own)[name])  # with a stop before the others, or not
    found = marks(shown, [profile for key, profile in each.items() if key != name])
    for key, profile in each.items():
        last = [i for i, c in enumerate(profile.comparisons(np.tile(small.LABELS, 50))) if c.within()][-1]
        assert found[f"{REPAIRS[key].done} within ±0.5 pp up to"] == last + (own is not None)
    assert "accuracy within ±0.5 pp up to" not in found and "default:" in found
    assert "accuracy within ±0.5 pp up to" in marks(shown, [])


@EACH
def test_the_answers_compare_with_the_network_as_it_is(name: str) -> None:
    shown, (profile, _), as_is = panel(name), chosen(name), profiles()[AS_IS]
    for stop, k in enumerate(profile.k):
        before, after = (p.comparison(small.LABELS, stop) for p in (as_is, profile))
        back = compare(small.LABELS, as_is.predicted[stop], profile.predicted[stop])
        assert shown.answers[stop] == repair.answer(name, k, 2_344, after, before, back)
    assert any("Most of the loss" in answer for answer in shown.answers) == (name == REFIT)


@EACH
def test_without_the_network_as_it_is_the_answers_name_the_repair(name: str) -> None:
    for answer in panel(name, others=False).answers:
        assert f"weights set to zero{repair.after(name)}." in answer and "As is" not in answer


@pytest.mark.parametrize("name", REPAIRS)
def test_labels_and_titles_name_the_network_that_is_shown(name: str) -> None:
    word, (profile, others) = repair.network(name), chosen(name)
    labels = [readout.label for readout in panel(name).readouts]
    titles = {placed.figure.name: placed.figure.title for placed in panel(name).figures}
    assert f"Accuracy, dense → {word}" in labels
    assert titles["pruned"] == f"Confusion, {word}" and titles["difference"] == f"Difference, {word} minus dense"
    assert ("before refitting" in titles["distributions"]) == ("before refitting" in titles["zoom"]) == (name == REFIT)
    answers = panels.answers(profile, small.LABELS, small.CLASSES, others)
    classwise = panels.classwise(profile, small.LABELS, small.CLASSES, others)
    assert answers.answers == classwise.answers == panel(name).answers
    cells, recall = answers.figures[0].figure.base["data"][0], classwise.figures[0].figure.base["data"]
    assert cells["x"] == [f"{word} right", f"{word} wrong"]
    assert recall[2]["name"] == word and recall[2]["marker"]["color"] == colours.after(name)
    story = panels.story(small.trace(), profile, small.CLASSES, 3)
    assert f"{word.capitalize()} answer" in [r.label for r in story.readouts]
    assert any(f"the {word} one" in answer for answer in story.answers)
    everything = json.dumps([answers.to_json(), classwise.to_json(), story.to_json()], default=float)
    for said in ("pruned right", "dense \\u2192 pruned", '"text": "pruned"'):
        assert (said in everything) == (name == AS_IS)


def test_the_storage_panel_says_whose_accuracy_it_shows() -> None:
    profile = profiles()[REFIT]
    ledger = weigh(small.weights(), small.ranking(), profile.sparsity.tolist())
    layers = {name: Kernel(int(size), 1) for name, size in zip(profile.names, profile.sizes, strict=True)}
    for shown, label in ((profile, "Accuracy, difference (refitted)"), (profiles()[AS_IS], "Accuracy, difference")):
        assert label in [r.label for r in panels.storage(shown, small.LABELS, ledger, layers, 1).readouts]


def test_kernels_say_that_they_are_drawn_before_refitting() -> None:
    shown = panels.kernels("conv2.weight", profiles()[REFIT], small.weights(), small.ranking())
    assert shown.figure.title.startswith("Kernels of conv2, before refitting: filters")


# --- the panel's address ----------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run on this server, evaluated as it is."""
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path))
    monkeypatch.setattr("core.store.runs.SHIPPED", tmp_path / "none")
    st.cache_resource.clear()
    routes._drawn.cache_clear()  # each has the same run and the same weights
    yield shelf.train(tmp_path, "ann")
    st.cache_resource.clear()


def stored(run: Run, name: str = AS_IS) -> Profile:
    """The profile of a repair, put into the store."""
    profile = RunStore().profile(run.id, PruningConfig())
    assert profile is not None
    if name == AS_IS:
        return profile
    made = repaired(profile, name, 0.9 if name == REFIT else 0.5)
    RunStore().save_profile(run.id, made)
    return made


def query(run: Run, name: str = AS_IS) -> dict[str, str]:
    pruning = PruningConfig(repair=name)
    profile = RunStore().profile(run.id, pruning)
    assert profile is not None
    return panel_query(View(run, pruning, 0.5), Stops(profile, 0), part="pruning")


def content(asked: dict[str, str]) -> dict[str, object]:
    read: dict[str, object] = json.loads(gzip.decompress(routes.panel(asked)))
    return read


def test_the_address_changes_when_another_repair_has_been_evaluated(run: Run) -> None:
    alone = query(run)
    assert "beside" not in alone
    stored(run, REFIT)
    with_refit = query(run)
    assert with_refit["beside"] == REFIT and query(run, REFIT)["beside"] == AS_IS
    stored(run, BATCH_NORM)
    assert query(run)["beside"] == f"{BATCH_NORM},{REFIT}" and query(run, REFIT)["beside"] == f"{AS_IS},{BATCH_NORM}"
    assert len({json.dumps(content(asked)) for asked in (alone, with_refit, query(run), query(run, REFIT))}) == 4
    assert "Refitted" not in json.dumps(content(alone)) and "Refitted" in json.dumps(content(with_refit))


def test_an_address_without_a_repair_is_that_of_the_network_as_it_is(run: Run) -> None:
    old = {"run": run.id, "criterion": "magnitude", "scope": "global"}
    assert content(old) == content(query(run))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"repair": "glue"}, "repair is 'glue'; choose one of"),
        ({"beside": "glue"}, "repair is 'glue'; choose one of"),
        ({"beside": ""}, "repair is ''"),
        ({"beside": f"{REFIT},"}, "repair is ''"),
        ({"repair": REFIT}, "has not been evaluated yet"),
        ({"beside": REFIT}, "has not been evaluated yet"),
    ],
    ids=str,
)
def test_an_address_that_names_what_cannot_be_is_refused(run: Run, more: dict[str, str], said: str) -> None:
    with pytest.raises(PruneLabError, match=said):
        routes.panel(query(run) | more)


def test_names_in_any_order_are_one_panel(run: Run) -> None:
    stored(run, REFIT), stored(run, BATCH_NORM)
    first = query(run)
    routes._drawn.cache_clear()
    for names in (f"{REFIT},{BATCH_NORM}", f"{BATCH_NORM},{REFIT},{REFIT},{AS_IS}"):
        assert routes.panel(first | {"beside": names}) == routes.panel(first)
    assert routes._drawn.cache_info().misses == 1


def test_a_damaged_profile_of_another_repair_does_not_stand_in_the_way(run: Run, tmp_path: Path) -> None:
    stored(run, REFIT)
    (path,) = tmp_path.rglob("*refit*.safetensors")
    path.write_bytes(b"damaged")
    assert "beside" not in query(run) and content(query(run))


def test_an_own_sparsity_is_drawn_with_the_network_as_it_is(run: Run) -> None:
    as_is, refitted = stored(run), stored(run, REFIT)
    rows = ("k", "layer_k", "threshold", "predicted", "probability", "loss", "logit_change", "kl")
    for profile in (as_is, refitted):
        row = {name: getattr(profile, name)[[20]] for name in rows}
        RunStore().save_point(run.id, replace(profile, sparsity=np.array([0.123]), **row))
    known = lookup.profile(run.id, refitted.pruning, 0.123)
    assert known is not None and known.is_stop(12.3)
    view = View(run, refitted.pruning, 0.123)
    asked = panel_query(view, Stops(known, known.stop_index(12.3), 0.123), part="pruning")
    answers = content(asked)["answers"]
    assert isinstance(answers, list) and len(answers) == len(STOPS) + 1
    assert "As is, " in answers[known.stop_index(12.3)]


# --- the pages --------------------------------------------------------------------------------------------------


@pytest.fixture
def shelved(tmp_path: Path) -> tuple[Path, Run, Run]:
    """A ConvNet and a LeNet-5, both as they are and refitted, and with batch norm re-measured."""
    root = tmp_path / "runs"
    runs = shelf.fill(root)
    for one in runs:
        profile = RunStore(root).profile(one.id, PruningConfig())
        assert profile is not None
        for name, share in ((BATCH_NORM, 0.5), (REFIT, 0.9)):
            RunStore(root).save_profile(one.id, repaired(profile, name, share))
    return root, *runs


@pytest.fixture
def app(shelved: tuple[Path, Run, Run], app_on: Callable[[Path], AppTest]) -> AppTest:
    """The app at 90 % of the ConvNet."""
    app = app_on(shelved[0])
    app.query_params["run"], app.query_params["sparsity"] = shelved[1].id, "90"
    return app


def shown(app: AppTest) -> dict[str, str]:
    """The query of the panel on the page."""
    data = next(json.loads(element.proto.json) for element in app.get("bidi_component") if "urls" in element.proto.json)
    return {name: value for name, (value,) in parse_qs(urlparse(data["urls"][0]).query).items()}


def test_the_choice_is_in_the_address_and_every_page_keeps_it(app: AppTest) -> None:
    app.switch_page("prune.py").run()
    assert app.query_params["repair"] == AS_IS
    app.segmented_control(key="picked repair").set_value(REFIT).run()
    assert not app.exception and app.query_params["repair"] == REFIT
    assert shown(app)["repair"] == REFIT and shown(app)["beside"] == f"{AS_IS},{BATCH_NORM}"
    for page in ("images.py", "storage.py", "prune.py"):
        app.switch_page(page).run()
        assert not app.exception and app.query_params["repair"] == REFIT
        control = app.segmented_control(key="picked repair")
        assert control.label == "After pruning" and control.value == REFIT
        assert control.options == [choice.title for choice in REPAIRS.values()]


def test_a_link_saved_without_a_repair_opens_the_network_as_it_is(app: AppTest) -> None:
    app.switch_page("prune.py").run()
    app.segmented_control(key="picked repair").set_value(REFIT).run()
    del app.query_params["repair"]
    app.run()
    assert app.query_params["repair"] == AS_IS and shown(app)["repair"] == AS_IS


def test_the_help_says_what_changes_and_what_a_repair_sees(app: AppTest) -> None:
    app.switch_page("prune.py").run()
    said, config = app.segmented_control(key="picked repair").help, PruningConfig()
    assert f"{config.sample:,} training images without labels, drawn with seed {config.sample_seed}" in said
    assert all(choice.title in said for choice in REPAIRS.values())


def test_a_network_without_batch_normalisation_is_said_to_stay_as_it_is(
    app: AppTest, shelved: tuple[Path, Run, Run]
) -> None:
    note = "no batch normalisation"
    for run, name in ((shelved[1], BATCH_NORM), (shelved[2], REFIT), (shelved[2], AS_IS)):
        app.query_params["run"], app.query_params["repair"] = run.id, name
        app.switch_page("prune.py").run()
        assert not app.exception and note not in text(app)
    app.query_params["run"], app.query_params["repair"] = shelved[2].id, BATCH_NORM
    app.run()
    assert note in text(app)


def test_the_overview_says_what_was_repaired(app: AppTest, shelved: tuple[Path, Run, Run]) -> None:
    app.query_params["repair"] = REFIT
    app.run()
    root, run, _ = shelved
    store = RunStore(root)
    as_is, refitted = (store.profile(run.id, PruningConfig(repair=name)) for name in (AS_IS, REFIT))
    assert as_is is not None and refitted is not None and not app.exception
    row = as_is.stop_index(90)
    said = panels.wall(
        refitted,
        store.weights(run.id),
        store.ranking(run.id, store.weights(run.id), refitted.pruning),
        store.labels(run.id),
        run.classes,
        [as_is],
    ).answers[row]
    assert said == panels.answer(refitted, store.labels(run.id), row, as_is)
    assert "As is, " in said and "refitted, " in said
    assert "(refitted)" in rows(app)["In view"]["cells"][0]["content"]  # at 0.01 %


def test_the_images_page_names_the_network_that_is_shown(app: AppTest) -> None:
    app.query_params["repair"] = REFIT
    app.switch_page("images.py").run()
    assert not app.exception and app.selectbox(key="pruned").label == "Refitted answer"
    app.selectbox(key="pruned").set_value("Coat").run()
    assert "refitted answer Coat" in app.header[0].value
    app.segmented_control(key="section").set_value("Class by class").run()
    assert not app.exception and "of the refitted network's" in text(app)


def test_what_a_repair_takes_is_said_while_it_is_computed_as_it_is_first(app: AppTest) -> None:
    app.query_params["repair"], app.query_params["scope"] = REFIT, "layerwise"
    app.switch_page("prune.py").run()
    assert not app.exception and "Layerwise, has not been evaluated" in text(app) and "pass over" in text(app)
    store = RunStore()
    run_id = str(app.query_params["run"])
    profile = store.profile(run_id, PruningConfig())
    assert profile is not None
    store.save_profile(run_id, replace(profile, pruning=PruningConfig(scope="layerwise")))
    app.run()
    said = text(app)
    assert "Layerwise (refitted), has not been evaluated for this run yet. Each stop is repaired with 10,000" in said
    assert "training images without labels, then evaluated on 400 test images" in said and "does not answer" in said


def test_an_own_sparsity_waits_for_the_network_as_it_is_too(app: AppTest) -> None:
    app.query_params["repair"], app.query_params["sparsity"] = REFIT, "12.3"
    app.switch_page("prune.py").run()
    assert not app.exception and "It is being evaluated; meanwhile" in text(app) and "own" not in shown(app)


def test_whole_filters_are_compared_without_the_repair(app: AppTest, shelved: tuple[Path, Run, Run]) -> None:
    root, run, _ = shelved
    store, pruning = RunStore(root), PruningConfig(repair=REFIT)
    weights, profile = store.weights(run.id), store.profile(run.id, pruning)
    assert profile is not None
    ledger = weigh(weights, rank(weights, pruning), profile.sparsity.tolist())
    Results(store).put(Weighing(run_id=run.id, pruning=pruning), ledger)
    Results(store).put(Comparing(run_id=run.id), small.tradeoff())
    app.query_params["repair"] = REFIT
    app.switch_page("storage.py").run()
    assert not app.exception and "without the repair that is chosen above" in text(app)
    assert "single weights reach 83.50\u00a0%" in text(app)
    assert "Download the refitted network" in [header.value for header in app.header]


def test_the_limits_of_a_repaired_network_say_so(app: AppTest) -> None:
    app.query_params["repair"] = REFIT
    app.switch_page("prune.py").run()
    assert "limits of the refitted network" in text(app)
    assert address.KEYS == ("run", "criterion", "scope", "repair", "sparsity")
