"""A job that is stopped at any moment, of any kind, leaves nothing behind and can be asked for again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import RunConfig
from core.errors import JobCancelled
from core.progress import Progress
from core.pruning import PruningConfig
from core.store.runs import RunStore
from core.study.bisection import Search
from core.study.cells import Cell
from tests import tiny

pytestmark = pytest.mark.slow

GLOBAL = PruningConfig()
CONFIG: RunConfig = tiny.config()
MOMENTS, FEW = (0, 1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6, 1), (0, 1 / 2)
"""When a job is stopped: at which share of the calls that ask whether to stop; and for jobs that take seconds."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one run, which tests copy."""
    root: Path = tmp_path_factory.mktemp("trained")
    tiny.train(CONFIG, root=root)
    return root


JOBS: dict[str, Callable[..., None]] = {
    "train": lambda **how: tiny.train(tiny.config(seed=1), **how),
    "profile": lambda **how: tiny.profile(CONFIG.run_id, PruningConfig(scope="layerwise"), **how),
    "gradients": lambda **how: tiny.profile(CONFIG.run_id, PruningConfig(criterion="taylor"), **how),
    "point": lambda **how: tiny.point(CONFIG.run_id, GLOBAL, 0.123, **how),
    "ledger": lambda **how: tiny.ledger(CONFIG.run_id, GLOBAL, 0.123, **how),
    "rounding": lambda **how: tiny.rounding(CONFIG.run_id, GLOBAL, 0.5, **how),
    "timing": lambda **how: tiny.timing(CONFIG.run_id, GLOBAL, 0.5, **how),
    "export": lambda **how: tiny.export(CONFIG.run_id, GLOBAL, 0.5, **how),
    "tradeoff": lambda **how: tiny.tradeoff(CONFIG.run_id, GLOBAL, **how),
    "search": lambda **how: tiny.search(Search(run_id=CONFIG.run_id, pruning=GLOBAL), **how),
    "network": lambda **how: tiny.network(tiny.config(seed=2), **how),
    "cell": lambda **how: tiny.cell(Cell(config=CONFIG, pruning=GLOBAL, sparsities=(0.0, 0.5)), **how),
    "audit": lambda **how: tiny.audit(tiny.config(seed=3), **how),
}


PARTS = {
    "gradients": {f"{CONFIG.run_id}/profiles/gradients.safetensors"},
    "audit": {f".study/{tiny.config(seed=3).run_id}.safetensors"},
}
"""What a job stores whole before it goes on, and need not compute again."""


class Stop:
    """Says stop at one of the calls, counted from 0, and notes in which phases it was called."""

    def __init__(self, at: float) -> None:
        self.at, self.calls, self.phase = at, 0, "loading"
        self.phases: list[str] = []

    def __call__(self) -> bool:
        self.phases.append(self.phase)
        self.calls += 1
        return self.calls > self.at

    def note(self, progress: Progress) -> None:
        self.phase = progress.phase


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", JOBS)
def test_a_job_stopped_at_any_moment_leaves_nothing_and_can_be_asked_for_again(
    kind: str, trained: Path, tmp_path: Path
) -> None:
    def fresh(name: str) -> Path:
        root = tmp_path / name
        for path, content in files(trained).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        return root

    def run(root: Path, stop: Stop) -> None:
        JOBS[kind](root=root, should_stop=stop, on_progress=stop.note)

    whole, never = fresh("whole"), Stop(float("inf"))
    run(whole, never)
    assert never.calls and len(files(whole)) > len(files(trained))

    before = files(trained)
    moments = FEW if kind in ("timing", "tradeoff", "export") else MOMENTS
    for call in sorted({round(moment * (never.calls - 1)) for moment in moments}):
        stopped, stop = fresh(f"stopped-{call}"), Stop(call)
        with pytest.raises(JobCancelled):
            run(stopped, stop)
        assert stop.calls == call + 1, "it went on after it was told to stop"
        left = files(stopped)
        said = f"stopped at call {call} of {never.calls}, while {stop.phase}"
        assert {*left} - {*before} <= PARTS.get(kind, set()), said
        assert {name: left[name] for name in before} == before, said
    run(stopped, Stop(float("inf")))
    assert {*files(stopped)} == {*files(whole)}
    assert [run.id for run in RunStore(stopped).runs()] == [run.id for run in RunStore(whole).runs()]
