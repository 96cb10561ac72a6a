"""A search ends at a k that holds while its neighbour does not, on real networks and by definition."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codec import from_json, to_json
from core.config import Design
from core.data import split
from core.engine.inference import Classifier
from core.errors import ConfigError
from core.evaluation import Comparison, compare
from core.pruning import PruningConfig, prune, rank
from core.store.results import Results
from core.store.runs import RunStore
from core.study.bisection import Bisection, Search, bisect, bracket, in_words, loses
from tests import tiny

CONFIG = tiny.config(epochs=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    root = tmp_path_factory.mktemp("runs")
    tiny.train(CONFIG, root=root)
    return RunStore(root)


def found(store: RunStore, search: Search) -> Bisection:
    tiny.search(search, root=store.root)
    answer = Results(store).get(search)
    assert answer is not None
    return answer


def evaluated(store: RunStore, search: Search, k: int, *, validation: bool = False) -> Comparison:
    """The comparison at exactly k weights, on its own."""
    images = split(tiny.source().data.train, CONFIG.data)[1] if validation else tiny.source().data.test
    weights, classifier = store.weights(search.run_id), Classifier(Design("lenet"), images.images)
    ranking = rank(weights, search.pruning)
    assert ranking.count(k / ranking.total) == k
    dense = classifier.infer(weights).argmax(1)
    return compare(images.labels, dense, classifier.infer(prune(weights, ranking, k / ranking.total)).argmax(1))


@pytest.mark.parametrize("goal", ["change", "loss"])
@pytest.mark.parametrize("criterion", ["magnitude", "signed"])
def test_at_k_it_is_so_and_at_one_weight_fewer_it_is_not(store: RunStore, goal: str, criterion: str) -> None:
    rule = PruningConfig(criterion=criterion)
    search = Search(run_id=CONFIG.run_id, pruning=rule, goal=goal)  # type: ignore[arg-type]
    answer = found(store, search)
    assert answer.k is not None and answer.total == 44_190
    at, before = (evaluated(store, search, k) for k in (answer.k, answer.k - 1))
    assert answer.at == answer.test == at and answer.beyond == before
    if goal == "change":
        assert at.changed > 0 == before.changed
    else:
        assert loses(at) and not loses(before)
    assert f"{answer.k:,} of 44,190 weights" in in_words(search, answer)


def test_the_margin_is_chosen_on_validation_and_reported_on_the_test_images(store: RunStore) -> None:
    search = Search(run_id=CONFIG.run_id, goal="margin", margin=0.06)
    answer = found(store, search)
    assert answer.k is not None and answer.at is not None
    at, beyond = (evaluated(store, search, k, validation=True) for k in (answer.k, answer.k + 1))
    assert answer.at == at and answer.beyond == beyond and at.n == 100
    assert at.within(0.06) and not beyond.within(0.06)
    assert answer.test == evaluated(store, search, answer.k)
    assert "chosen on 100 validation images" in in_words(search, answer) and "200 test images" in in_words(
        search, answer
    )


def test_a_margin_narrower_than_the_interval_of_no_change_has_no_answer(store: RunStore) -> None:
    search = Search(run_id=CONFIG.run_id, goal="margin", margin=0.001)
    answer = found(store, search)
    assert answer.k is None and "Not even one weight" in in_words(search, answer)


def test_what_was_found_is_kept_for_its_own_question_only(store: RunStore) -> None:
    search = Search(run_id=CONFIG.run_id, goal="change")
    first = found(store, search)
    assert from_json(Bisection, to_json(first)) == first == Results(store).get(search)
    assert Results(store).get(replace(search, goal="margin", margin=0.02)) is None


@pytest.mark.parametrize("margin", [0.0, 0.6, float("nan")])
def test_margins_out_of_range_and_other_scopes_are_refused(margin: float) -> None:
    with pytest.raises(ConfigError, match=r"from 0\.1 to 50"):
        Search(run_id="0" * 12, goal="margin", margin=margin)
    with pytest.raises(ConfigError, match="choose the scope global"):
        Search(run_id="0" * 12, pruning=PruningConfig(scope="layerwise"))


@given(st.sets(st.integers(1, 500)))
def test_bisection_ends_between_two_neighbours_even_where_answers_change_back_and_forth(true: set[int]) -> None:
    ends = bracket(lambda k: k in true, [0, 1, 10, 100, 500])
    if ends is None:
        assert not true & {1, 10, 100, 500}
        return
    k = bisect(lambda k: k in true, *ends)
    assert k in true and k - 1 not in true and ends[0] < k <= ends[1]


def test_a_damaged_answer_is_found_anew(store: RunStore) -> None:
    search = Search(run_id=CONFIG.run_id, goal="change")
    first = found(store, search)
    path = Path(store.root) / ".study" / f"search-{search.key}.json"
    for damage in ("", "{}", path.read_text()[:40], "null"):
        path.write_text(damage)
        assert Results(store).get(search) is None
    again = found(store, search)
    assert again == first and np.isfinite(again.evaluations)
