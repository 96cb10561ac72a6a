"""Two workers of a cluster share the parts of one evaluation."""

import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cluster import engine_with
from core.engine.tasks import own as task
from core.engine.tasks import perform
from core.evaluation.profile import Profiling
from core.evaluation.rounds import measurings
from core.pruning import PruningConfig
from core.store.results import Results
from core.store.runs import RunStore
from tests.graphs import exported, trained, write_pictures
from tests.patience import until
from tests.test_brought import brought, zipped

pytestmark = pytest.mark.slow


def test_two_workers_find_the_same_counts_and_each_does_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "SECONDS", 0.0)
    write_pictures(tmp_path / "digits", big=8)
    run = brought(tmp_path / "runs", exported(trained()), zipped(tmp_path / "digits"))
    jobs = measurings(run.id, PruningConfig(), run.parts)
    with engine_with(2, tmp_path / "runs") as engine:
        client = engine._cluster.connect()
        before = client.run(time.process_time)
        engine.submit_all(jobs)
        until(lambda: all(engine.results.has(job) for job in jobs), lambda: "parts are missing")
        busy = [seconds - before[worker] for worker, seconds in client.run(time.process_time).items()]
    assert len(busy) == 2 and min(busy) > 0.2 * sum(busy)
    shared = Results(RunStore(tmp_path / "runs")).profile(run.id, PruningConfig())
    for job in jobs:
        Results(RunStore(tmp_path / "runs")).drop(job)
    alone = perform(Profiling(run_id=run.id, pruning=PruningConfig()), tmp_path / "runs")
    assert shared is not None and shared.images == run.images
    assert all(np.array_equal(value, alone.to_arrays()[name]) for name, value in shared.to_arrays().items())


def test_a_stopped_evaluation_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "SECONDS", 0.0)
    write_pictures(tmp_path / "digits")
    run = brought(tmp_path / "runs", exported(trained()), zipped(tmp_path / "digits"))
    jobs = measurings(run.id, PruningConfig(), run.parts)
    with engine_with(1, tmp_path / "runs") as engine:
        engine.submit_all(jobs)
        until(lambda: engine.results.has(jobs[2]), lambda: "no part is done")
        engine.withdraw([job for job in jobs if not engine.results.has(job)])
        until(lambda: not any((s := engine.state(job.id)) and s.active for job in jobs), lambda: "it goes on")
        time.sleep(0.5)
        files = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "parts").iterdir()}
        assert 3 <= len(files) < run.parts
        engine.submit_all([job for job in jobs if not engine.results.has(job)])
        until(lambda: all(engine.results.has(job) for job in jobs), lambda: "parts are missing")
        assert {path: path.stat().st_mtime_ns for path in files} == files
