"""What the routes answer is of the run as it is, also if it was deleted and trained again."""

import gzip
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from core import panels
from core.errors import PruneLabError
from core.evaluation.parts import compute
from core.evaluation.trace import Tracing
from core.pruning import PruningConfig, Weights, rank
from core.run import Run
from pages.ui.server import preview, routes
from pages.ui.server.services import store as served
from pages.ui.view import stories
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops, panel_query
from tests import shelf
from tests.patience import PATIENCE


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A visitor's run on this server."""
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path))
    monkeypatch.setattr("core.store.runs.SHIPPED", tmp_path / "none")
    st.cache_resource.clear()
    yield shelf.train(tmp_path, "ann")
    st.cache_resource.clear()


def train_again(run: Run) -> None:
    """Delete it and train it again, on another processor, to other bits."""
    store = served()
    labels, weights = store.labels(run.id), {name: -w for name, w in store.weights(run.id).items()}
    store.delete(run.id, run.owner)

    def infer(pruned: Weights) -> np.ndarray:
        share = np.mean([np.mean(w == 0) for w in pruned.values()])
        return np.asarray(np.eye(10)[(labels + 1) % 10] * (1 - share), np.float32)  # wrong everywhere

    store.save(run, weights, labels, compute(weights, rank(weights, PruningConfig()), infer, labels))


def query(run: Run, **more: str) -> dict[str, str]:
    profile = served().profile(run.id, PruningConfig())
    assert profile is not None
    return panel_query(View(run, PruningConfig(), 0.5), Stops(profile, 0), **more)


@pytest.mark.parametrize("more", [{}, {"kernels": "conv1.weight"}, {"part": "answers"}, {"part": "classwise"}], ids=str)
def test_a_panel_is_not_that_of_the_weights_before(run: Run, more: dict[str, str]) -> None:
    bare = {"run": run.id, "criterion": "magnitude", "scope": "global", **more}
    old, content = query(run, **more), routes.panel(bare)
    assert routes.panel(old) == content
    train_again(run)
    new = query(run, **more)
    assert new != old, "a panel that is on the screen would not ask again"
    assert gzip.decompress(routes.panel(bare)) != gzip.decompress(content) and routes.panel(new) == routes.panel(bare)
    with pytest.raises(PruneLabError, match="trained again; reload the page"):
        routes.panel(old)


def test_a_card_is_not_that_of_the_weights_before(run: Run) -> None:
    asked = {"page": "prune", "run": run.id, "sparsity": "50"}
    before = preview.card(asked)
    assert preview.card(asked) == before
    train_again(run)
    assert preview.card(asked) != before


class Story:
    def __init__(self, trace: str) -> None:
        self._trace = trace

    def to_json(self) -> dict[str, str]:
        return {"of": self._trace}


def test_the_story_of_an_image_is_asked_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    class Worker:
        def answer(self, job: Tracing) -> str:
            asked.append(served().digest(job.run_id))
            return asked[-1]

    monkeypatch.setattr(stories, "engine", Worker)
    monkeypatch.setattr(panels, "story", lambda trace, *rest: Story(trace))
    image, profile = np.zeros((28, 28), np.uint8), served().profile(run.id, PruningConfig())
    assert profile is not None
    now, stops = View(run, PruningConfig(), 0.5), Stops(profile, 0)
    first = stories._computed(now, stops, image, None)
    assert stories._computed(now, stops, image, None) == first and len(asked) == 1
    train_again(run)
    assert stories._computed(now, stops, image, None) != first and len(set(asked)) == 2


def story(run: Run, above: Callable[[], object]) -> str:
    """The key of an image's."""
    profile = served().profile(run.id, PruningConfig())
    assert profile is not None
    now, stops = View(run, PruningConfig(), 0.5), Stops(profile, 0)
    return stories._computed(now, stops, np.ones((28, 28), np.uint8), None, above)


def test_a_worker_has_begun_with_a_story_while_what_stands_above_it_is_drawn(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, drawn = threading.Event(), threading.Event()

    class Worker:
        def answer(self, job: Tracing) -> str:
            begun.set()
            assert drawn.wait(PATIENCE)
            return "answered"

    def above() -> None:
        assert begun.wait(PATIENCE)
        drawn.set()

    monkeypatch.setattr(stories, "engine", Worker)
    monkeypatch.setattr(panels, "story", lambda trace, *rest: Story(trace))
    assert gzip.decompress(stories._kept(story(run, above))) == b'{"of":"answered"}'


def test_a_script_that_is_stopped_while_it_draws_does_not_wait_for_the_answer(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, answered = threading.Event(), threading.Event()

    class Worker:
        def answer(self, job: Tracing) -> None:
            stopped.wait(PATIENCE)
            answered.set()

    def above() -> None:
        raise InterruptedError

    monkeypatch.setattr(stories, "engine", Worker)
    with pytest.raises(InterruptedError):
        story(run, above)
    assert not answered.is_set()
    stopped.set()
