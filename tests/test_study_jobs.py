"""A study as jobs: its networks are trained once, its curves appear, and a cluster finds the same as one process."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.errors import JobError
from core.jobs import Engine
from core.pruning import PruningConfig
from core.run import Training
from core.study.audit import Auditing
from core.study.cells import Cell
from tests import tiny
from tests.cluster import start
from tests.engines import config, training, wait
from tests.patience import until

pytestmark = pytest.mark.slow

CELLS = [
    Cell(config=tiny.config(seed=seed), pruning=PruningConfig(scope=scope), sparsities=(0.3, 0.9))
    for seed in (50, 51)
    for scope in ("global", "erk")
]


def finished(engine: Engine, cells: list[Cell]) -> None:
    """Wait until every curve is in the store."""

    def done() -> bool:
        there = all(engine.results.get(cell) is not None for cell in cells)
        assert there or not [state for state in engine.jobs() if state.status == "failed"]
        return there

    until(done, lambda: [(s.id, s.status, s.message) for s in engine.jobs()])


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("runs"), queue_limit=1, tasks="tests.tiny")
    yield engine
    engine.close()


def test_a_study_larger_than_the_queue_trains_each_network_once_and_is_not_computed_again(embedded: Engine) -> None:
    embedded.submit_all(CELLS)
    finished(embedded, CELLS)
    ids = {state.id for state in embedded.jobs()}
    assert ids >= {cell.id for cell in CELLS} | {f"network-{c.config.run_id}" for c in CELLS}
    files = {path: path.stat().st_mtime_ns for path in (embedded.store.root / ".study").iterdir()}
    assert len(files) == len(CELLS) + 2
    embedded.submit_all(CELLS)
    wait(embedded, CELLS[-1].id, lambda state: state.status == "finished")
    assert {path: path.stat().st_mtime_ns for path in (embedded.store.root / ".study").iterdir()} == files


def test_a_visitors_training_goes_before_what_waits_of_a_study(embedded: Engine) -> None:
    endless = [Cell(config=config(seed), sparsities=(0.5,)) for seed in range(60, 64)]
    embedded.submit_all(endless)
    for cell in endless[:2]:
        wait(embedded, f"network-{cell.config.run_id}", training)
    job_id = embedded.submit(Training(config=config(70, epochs=1)))
    state = embedded.state(job_id)
    assert state is not None and state.ahead <= 2
    for cell in endless[:2]:
        embedded.cancel(f"network-{cell.config.run_id}")
    wait(embedded, job_id, lambda state: state.status == "finished")
    for state in embedded.jobs():
        embedded.cancel(state.id)
    until(lambda: not any(state.active for state in embedded.jobs()))
    assert all(embedded.results.get(cell) is None for cell in endless)


def test_cells_that_are_withdrawn_are_not_computed_even_if_they_are_still_being_submitted(embedded: Engine) -> None:
    many = [Cell(config=config(seed), sparsities=(s,)) for seed in (90, 91) for s in (0.1, 0.2, 0.3, 0.4)]
    embedded.submit_all(many)
    embedded.withdraw(many)
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "prunelab-study"])
    assert not [s for s in embedded.jobs() if s.active and s.id.startswith(("cell-", "network-"))]
    assert all(embedded.results.get(cell) is None for cell in many)


def test_an_audit_that_is_asked_for_again_is_computed_again_with_its_network(embedded: Engine) -> None:
    audited = config(95, epochs=1)
    embedded.submit_all([Auditing(config=audited)])
    wait(embedded, f"audit-{audited.run_id}", lambda state: state.status == "finished")
    first = embedded.results.own(Auditing(config=audited))
    files = {path: path.stat().st_mtime_ns for path in (embedded.store.root / ".study").glob(f"*{audited.run_id}*")}
    assert first is not None and len(files) == 2
    embedded.submit_all([Auditing(config=audited)])
    wait(embedded, f"audit-{audited.run_id}", lambda state: state.status == "finished")
    again = embedded.results.own(Auditing(config=audited))
    assert again is not None and again.findings == first.findings
    assert all(path.stat().st_mtime_ns > when for path, when in files.items())


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_two_workers_of_a_cluster_find_the_same_to_the_last_count(
    address: str, embedded: Engine, tmp_path: Path
) -> None:
    embedded.submit_all(CELLS)
    finished(embedded, CELLS)
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
    workers = [start("dask.__main__", "worker", address, *options) for _ in range(2)]
    engine = Engine(tmp_path, address=address, tasks="tests.tiny")

    def there() -> bool:
        with suppress(JobError):  # the scheduler is still starting
            return len(engine._cluster.connect().nthreads()) == 2
        return False

    try:
        until(there)
        engine.submit_all(CELLS)
        finished(engine, CELLS)
        for cell in CELLS:
            one, two = embedded.results.get(cell), engine.results.get(cell)
            assert one is not None and two is not None
            assert one.machine == two.machine
            assert (one.k, one.test) == (two.k, two.test)
    finally:
        engine.close()
        for worker in workers:
            worker.terminate()
            worker.wait()
