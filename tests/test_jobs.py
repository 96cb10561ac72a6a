"""Jobs are shared, watched, stopped and survive what happens to visitors, servers and workers.

All run on real worker processes; trainings are real ones on a tiny synthetic data set (tests/tiny.py).
"""

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from distributed import Client

from core.cost.tradeoff import Comparing
from core.errors import JobError, PruningError, StoreError
from core.evaluation.profile import FRACTIONS, Evaluating, Profiling
from core.evaluation.trace import Tracing
from core.jobs import Engine, cluster
from core.jobs.cluster import GONE
from core.logs import configure
from core.pruning import PruningConfig
from core.run import Training
from core.store.runs import RunStore
from core.study.audit import Auditing
from tests import tiny
from tests.cluster import start
from tests.engines import config, get, over, training, wait
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def embedded(root: Path) -> Iterator[Engine]:
    engine = Engine(root, queue_limit=4, tasks="tests.tiny")
    yield engine
    engine.close()


@pytest.fixture
def engine(embedded: Engine) -> Iterator[Engine]:
    """The module's engine, idle before and after."""
    yield embedded
    for state in embedded.jobs():
        embedded.cancel(state.id)


def workers() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if any("spawn_main" in part for part in child.cmdline()):
                found.append(child)
    return found


def kill_worker() -> None:
    """SIGKILL, as the kernel does when memory runs out."""
    for process in workers():
        with suppress(psutil.NoSuchProcess):
            process.kill()


def stored(engine: Engine) -> str:
    """The id of a run that is in the store."""
    job_id = engine.submit(Training(config=config(seed=0, epochs=1)))
    wait(engine, job_id, over)
    return get(engine, job_id).job.subject


def test_one_image_is_answered_beside_a_training(engine: Engine) -> None:
    run_id, image = stored(engine), tiny.source().data.test.images[3]
    endless = engine.submit(Training(config=config(seed=77)))
    wait(engine, endless, training)
    trace = engine.answer(Tracing(run_id=run_id, sparsities=FRACTIONS, image=image))
    assert get(engine, endless).status == "running"
    profile = engine.store.profile(run_id, PruningConfig())
    assert profile is not None
    assert np.array_equal(trace.predicted, profile.predicted[:, 3])
    assert np.allclose(trace.probability.max(axis=1), profile.probability[:, 3], atol=2e-3)


def test_long_jobs_still_run_one_at_a_time(engine: Engine) -> None:
    first, second = engine.submit(Training(config=config(seed=78))), engine.submit(Training(config=config(seed=79)))
    wait(engine, first, training)
    time.sleep(1)
    assert get(engine, first).status == "running" and get(engine, second).status == "queued"


def test_one_image_of_an_unknown_run_or_without_workers_is_answered_with_a_sentence(engine: Engine, root: Path) -> None:
    image = tiny.source().data.test.images[0]
    with pytest.raises(StoreError, match="There is no run"):
        engine.answer(Tracing(run_id="0123456789ab", sparsities=FRACTIONS, image=image))
    with pytest.raises(PruningError, match="from 0 to 1"):
        engine.answer(Tracing(run_id=stored(engine), sparsities=(2.0,), image=image))
    with pytest.raises(JobError, match="The evaluation of the image failed"):
        engine.answer(Tracing(run_id=stored(engine), sparsities=FRACTIONS, image=image[:5, :5]))


def test_a_training_is_queued_runs_with_progress_and_ends_in_the_store(engine: Engine) -> None:
    wanted = config(1, epochs=2)
    job_id = engine.submit(Training(config=wanted, owner="ann"), "ann")
    assert job_id == f"train-{wanted.run_id}"
    assert engine.jobs()[-1].id == job_id

    state = wait(engine, job_id, lambda state: state.progress and state.progress.epochs)
    assert state.progress is not None and state.progress.epochs[0].number == 1
    state = wait(engine, job_id, over)
    assert (state.status, state.message, state.retried) == ("finished", None, False)
    assert state.job == Training(config=wanted)
    run = engine.store.get(wanted.run_id)
    assert run.owner == "ann" and len(run.history) == 2 and run.images == 200
    assert engine.store.profile(run.id, PruningConfig()) is not None


def test_a_run_that_is_in_the_store_is_finished_at_once(engine: Engine) -> None:
    wanted = config(1, epochs=2)
    wait(engine, engine.submit(Training(config=wanted)), over)
    fresh = Engine(engine.store.root, address="tcp://127.0.0.1:9")  # nobody is there to compute anything
    assert get(fresh, fresh.submit(Training(config=wanted))).status == "finished"
    fresh.close()


def test_profiles_and_points_are_computed_once_and_remembered(engine: Engine) -> None:
    wanted, layerwise = config(1, epochs=2), PruningConfig(scope="layerwise")
    wait(engine, engine.submit(Training(config=wanted)), over)
    for job_id in (
        engine.submit(Profiling(run_id=wanted.run_id, pruning=layerwise)),
        engine.submit(Evaluating(run_id=wanted.run_id, pruning=layerwise, sparsity=0.123)),
    ):
        assert wait(engine, job_id, over).status == "finished"
    assert engine.store.profile(wanted.run_id, layerwise) is not None
    point = engine.store.point(wanted.run_id, layerwise, 0.123)
    assert point is not None and point.sparsity.tolist() == [0.123]
    assert (
        get(engine, engine.submit(Evaluating(run_id=wanted.run_id, pruning=layerwise, sparsity=0.123))).status
        == "finished"
    )


def test_what_cannot_be_asked_for_is_refused_before_a_job_is_made(engine: Engine) -> None:
    before = engine.jobs()
    for run_id in ("0123456789ab", "../x"):
        with pytest.raises(StoreError):
            engine.submit(Profiling(run_id=run_id))
    wait(engine, engine.submit(Training(config=config(1, epochs=2))), over)
    with pytest.raises(PruningError, match="choose a fraction"):
        engine.submit(Evaluating(run_id=config(1, epochs=2).run_id, sparsity=float("nan")))
    after = engine.jobs()
    asked = [{state.id for state in jobs if not isinstance(state.job, Training)} for jobs in (before, after)]
    assert asked[0] == asked[1]
    assert engine.state("train-0123456789ab") is None


def test_visitors_who_ask_for_the_same_share_one_job(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as visitors:
        ids = set(visitors.map(lambda _: engine.submit(Training(config=config(2), owner="ann"), "ann"), range(8)))
    assert len(ids) == 1
    assert sum(state.active for state in engine.jobs()) == 1


def test_asking_for_the_state_takes_no_time(engine: Engine) -> None:
    job_id = engine.submit(Training(config=config(2)))
    with engine._cluster._connecting:  # whoever wants to speak to the scheduler waits
        began = time.thread_time()
        for _ in range(1000):
            engine.state(job_id), engine.jobs()
        assert time.thread_time() - began < 1


def test_the_queue_is_bounded_and_says_how_many_are_ahead(engine: Engine) -> None:
    ids = [engine.submit(Training(config=config(seed))) for seed in range(10, 14)]
    assert [get(engine, job_id).ahead for job_id in ids[1:]] == [1, 2, 3]
    with pytest.raises(JobError, match=r"queue is full \(4 jobs\)"):
        engine.submit(Training(config=config(14)))
    assert engine.submit(Training(config=config(13))) == ids[-1]  # sharing takes no room

    engine.cancel(ids[1])
    assert get(engine, ids[1]).status == "cancelled"
    assert [get(engine, job_id).ahead for job_id in ids[2:]] == [1, 2]
    assert engine.submit(Training(config=config(14)))


def test_a_cancelled_training_stops_within_two_seconds_and_leaves_nothing(engine: Engine) -> None:
    first, second = config(20), config(21, epochs=1)
    began = time.monotonic()
    wait(engine, engine.submit(Training(config=config(19, epochs=1))), over)
    job_id = engine.submit(Training(config=first))
    wait(engine, job_id, training)
    waiting = engine.submit(Training(config=second))
    usual, began = time.monotonic() - began, time.monotonic()
    engine.cancel(job_id)
    assert get(engine, job_id).status == "cancelled"
    wait(engine, waiting, lambda state: state.status != "queued")  # the worker is free
    print(f"cancelled within {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < max(2, usual)  # on a slow machine, than a short training and a start take
    assert not engine.store.has(first.run_id)
    assert not list(engine.store.root.glob(".tmp-*"))
    assert wait(engine, waiting, over).status == "finished"


def test_a_training_that_was_cancelled_can_be_asked_for_again_at_once(engine: Engine) -> None:
    job_id = engine.submit(Training(config=config(22)))
    for _ in range(3):
        wait(engine, job_id, training)
        engine.cancel(job_id)
        assert engine.submit(Training(config=config(22))) == job_id
    assert wait(engine, job_id, training).active


def test_what_the_worker_refuses_reaches_the_visitor_word_for_word_and_can_be_asked_again(engine: Engine) -> None:
    diverging = tiny.diverging()
    for _ in range(2):
        state = wait(engine, engine.submit(Training(config=diverging)), over)
        assert state.status == "failed" and str(state.message).startswith("The training diverged")


def test_an_unforeseen_failure_is_a_plain_sentence_with_its_type(engine: Engine) -> None:
    state = wait(engine, engine.submit(Training(config=tiny.crashing())), over)
    assert state.status == "failed"
    assert state.message == "The training failed unexpectedly (ZeroDivisionError: by tests/tiny.py); ask for it again."


def test_a_worker_killed_once_is_replaced_and_the_training_goes_on(engine: Engine) -> None:
    wanted = config(30, epochs=3)
    job_id = engine.submit(Training(config=wanted))
    wait(engine, job_id, training)
    waiting = engine.submit(Training(config=config(31, epochs=1)))
    kill_worker()
    assert wait(engine, job_id, lambda state: state.retried).active
    assert wait(engine, job_id, over).status == "finished"
    assert wait(engine, waiting, over).status == "finished"


def test_a_worker_killed_twice_fails_that_training_only_and_it_can_be_asked_for_again(engine: Engine) -> None:
    job_id, waiting = engine.submit(Training(config=config(32))), engine.submit(Training(config=config(33)))
    wait(engine, job_id, training)
    kill_worker()
    wait(engine, job_id, lambda state: state.retried and training(state))
    kill_worker()
    state = wait(engine, job_id, over)
    assert state.status == "failed" and str(state.message).startswith("The worker process died twice")
    assert not engine.store.has(config(32).run_id)

    wait(engine, waiting, training)
    kill_worker()  # its third death, but the first while it ran
    assert wait(engine, waiting, lambda state: state.retried and training(state)).active
    engine.cancel(waiting)
    assert engine.submit(Training(config=config(32))) == job_id
    assert wait(engine, job_id, training).active


def test_a_worker_that_cannot_start_for_a_while_is_back_when_it_can(engine: Engine) -> None:
    waiting = engine.submit(Training(config=config(34, epochs=1)))
    short_of_memory = time.monotonic() + 17  # after 15 s, Dask gives a worker up if it is not there at that moment
    while time.monotonic() < short_of_memory:
        kill_worker()
        time.sleep(0.05)
    assert wait(engine, waiting, over).status == "finished"


def test_the_embedded_cluster_listens_on_this_machine_only(engine: Engine) -> None:
    wait(engine, engine.submit(Training(config=config(1, epochs=2))), over)
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    sockets = [link for process in processes for link in process.net_connections("tcp") if link.status == "LISTEN"]
    assert sockets and {link.laddr.ip for link in sockets} == {"127.0.0.1"}


def test_a_page_that_streamlit_calls_the_main_module_is_not_run_by_a_worker(engine: Engine) -> None:
    code = (
        "import sys, types, pathlib, time; root = pathlib.Path(sys.argv[1]);"
        "page = root / 'page.py'; page.write_text(f'open({str(root / \"ran\")!r}, \"w\")');"
        "main = types.ModuleType('__main__'); main.__file__ = str(page); sys.modules['__main__'] = main;"
        "from core.jobs import Engine; engine = Engine(root, tasks='tests.tiny');"
        "engine._cluster.connect(); engine.close();"
        "sys.exit((root / 'ran').exists() or 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(engine.store.root)]
    assert subprocess.run(command, cwd=Path(__file__).parents[1], check=False, timeout=PATIENCE).returncode == 0


def test_an_engine_is_there_at_once_and_an_unreachable_scheduler_is_named_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, waited = threading.Event(), list[float]()

    def client(*given: Any, **options: Any) -> Client:
        assert there.wait(PATIENCE)
        waited.append(options["timeout"])
        return Client(*given, **options)

    monkeypatch.setattr(cluster, "Client", client)
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        there.clear()
        engine = Engine(tmp_path, address=address)
        there.set()  # until now, nobody could call the scheduler
        with pytest.raises(JobError, match=f"scheduler at {address} does not answer; start it or unset DASK_SCHED"):
            engine.submit(Training(config=config(1)))
        assert max(waited) <= 10 and engine.problem is not None and address in engine.problem
        assert engine.jobs() == [] and engine.store.runs() == RunStore(tmp_path).runs()  # the app still opens
        engine.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_servers_on_one_scheduler_share_jobs_and_progress_and_survive_each_other(address: str, tmp_path: Path) -> None:
    def server() -> Engine:
        def connected() -> Engine | None:
            engine = Engine(tmp_path, address=address, tasks="tests.tiny")
            try:
                engine._cluster.connect()
                return engine
            except JobError:
                engine.close()
                return None

        engine = until(connected)
        assert engine is not None
        return engine

    wanted = config(40)
    one, two = server(), server()
    job_id = one.submit(Training(config=wanted, owner="ann"), "ann")
    assert "has no workers yet" in str(get(one, job_id).message)

    worker = start(
        "dask.__main__", "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"
    )
    try:
        assert two.submit(Training(config=wanted, owner="bob"), "bob") == job_id
        seen = wait(two, job_id, training)
        assert isinstance(seen.job, Training) and seen.job.owner == "ann" and seen.job.config == wanted
        assert wait(one, job_id, training).message is None

        one.close()  # the job outlives the server that asked for it
        three = server()  # a late joiner knows it
        joined = wait(three, job_id, training).job
        assert isinstance(joined, Training) and joined.owner == "ann"

        three.cancel(job_id)
        assert wait(two, job_id, over).status == "cancelled"

        short = config(41, epochs=1)
        assert wait(two, three.submit(Training(config=short)), over).status == "finished"
        assert RunStore(tmp_path).has(short.run_id)
        two.close()
        three.close()
    finally:
        worker.terminate()
        worker.wait()


def test_a_closed_engine_leaves_no_process_behind(tmp_path: Path) -> None:
    before, began = {process.pid for process in workers()}, time.monotonic()
    engine = Engine(tmp_path, tasks="tests.tiny")
    job_id = engine.submit(Training(config=config(50)))
    wait(engine, job_id, training)
    start, began = time.monotonic() - began, time.monotonic()
    engine.close()
    assert time.monotonic() - began < max(10, 2 * start)
    assert {process.pid for process in workers()} <= before
    with pytest.raises(JobError, match="shutting down"):
        engine.submit(Training(config=config(51)))


def test_a_server_that_trains_nothing_says_so_and_answers_the_rest(engine: Engine, tmp_path: Path) -> None:
    wanted = config(1, epochs=1)
    wait(engine, engine.submit(Training(config=wanted)), over)
    looking = Engine(engine.store.root, tasks=engine._tasks, training=False)
    try:
        assert looking.submit(Training(config=wanted))  # is there already
        refused: list[Callable[[], object]] = [
            lambda: looking.submit(Training(config=config(2, epochs=1))),
            lambda: looking.submit_all([Auditing(config=wanted)]),
            lambda: looking.submit_all([]),
            lambda: looking.submit(Comparing(run_id=wanted.run_id)),
        ]
        for ask in refused:
            with pytest.raises(JobError, match="Training is switched off on this server"):
                ask()
        point = looking.submit(Evaluating(run_id=wanted.run_id, sparsity=0.321))
        assert wait(looking, point, over).status == "finished"
    finally:
        looking.close()


def test_a_visitor_who_asks_for_a_thousand_trainings_gets_a_few(tmp_path: Path) -> None:
    engine = Engine(tmp_path, address="tcp://127.0.0.1:1", queue_limit=1000, trainings_per_hour=3)
    try:
        refusals = []
        for seed in range(1000):
            with pytest.raises(JobError) as caught:  # there is no scheduler, so that none of them is begun
                engine.submit(Training(config=config(seed), owner="one"), "one")
            refusals.append(str(caught.value))
        assert all("does not answer" in text for text in refusals[:3])
        assert all("3 trainings within an hour" in text and "60 min" in text for text in refusals[3:])
        with pytest.raises(JobError, match="does not answer"):
            engine.submit(Training(config=config(5), owner="another"), "another")
        assert len(engine.jobs()) == 0
    finally:
        engine.close()


def test_a_training_that_takes_too_long_is_stopped_with_the_reason(tmp_path: Path) -> None:
    engine = Engine(tmp_path, tasks="tests.tiny", longest_training=1)
    try:
        ended = wait(engine, engine.submit(Training(config=config(3))), over)
        assert ended.status == "cancelled" and "took over 1 min" in str(ended.message)
        assert not engine.store.runs() or all(run.reference for run in engine.store.runs())
    finally:
        engine.close()


@pytest.mark.parametrize("gone", GONE)
def test_a_job_is_stopped_though_the_connection_is_just_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: type[BaseException]
) -> None:
    """The clock or a visitor may stop a job while the server closes: Dask has a kind of error for each moment."""

    def closed(*_: object, **__: object) -> None:
        raise gone("closed")

    engine = Engine(tmp_path, tasks="tests.tiny")
    try:
        job_id = engine.submit(Training(config=config(3)))
        wait(engine, job_id, lambda state: state.status == "running")
        monkeypatch.setattr(Client, "unpublish_dataset", closed)
        engine.cancel(job_id)
        assert wait(engine, job_id, over).status == "cancelled"
    finally:
        engine.close()


def test_the_log_has_one_line_a_job_with_its_cause_and_no_visitor(tmp_path: Path) -> None:
    told = io.StringIO()
    configure(told)
    engine = Engine(tmp_path, tasks="tests.tiny")
    try:
        for wanted in (config(1, epochs=1), tiny.crashing()):
            wait(engine, engine.submit(Training(config=wanted, owner="ann-the-visitor"), "ann-the-visitor"), over)
    finally:
        engine.close()
    lines = [json.loads(line) for line in told.getvalue().splitlines()]
    assert [(line["event"], line["status"], line["level"]) for line in lines] == [
        ("job over", "finished", "info"),
        ("job over", "failed", "error"),
    ]
    assert all(line["run"] in line["job"] and line["seconds"] >= 0 for line in lines)
    assert "ZeroDivisionError: by tests/tiny.py" in lines[1]["cause"] and "cause" not in lines[0]
    assert "ann-the-visitor" not in told.getvalue()


def test_a_clock_that_is_set_back_neither_locks_a_visitor_out_nor_lets_them_ask_for_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(tmp_path, address="tcp://127.0.0.1:1", trainings_per_hour=1)
    try:
        with pytest.raises(JobError, match="does not answer"):
            engine.submit(Training(config=config(1), owner="one"), "one")
        day_before = time.time() - 86_400
        monkeypatch.setattr(time, "time", lambda: day_before)
        with pytest.raises(JobError, match=r"one training within an hour.* in 60 min"):
            engine.submit(Training(config=config(2), owner="one"), "one")
    finally:
        engine.close()
