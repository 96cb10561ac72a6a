"""A network that a visitor brings: a look at its file, how it reads pictures, and a run made of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import picture
from core.data import pools, zipped
from core.data.pool import Pool
from core.engine.machine import described, versions
from core.engine.own import finding
from core.engine.own.network import Own
from core.engine.own.opening import Opened, found_reading, opened
from core.engine.own.runtime import together
from core.engine.tasks import task
from core.engine.tasks.profile import measured
from core.engine.work import Ranked, Work
from core.evaluation.profile import STOPS
from core.evaluation.rounds import Measuring
from core.own.brought import ARRAYS, GRAPH, PICTURES
from core.own.finding import Finding, Prepared, Shown
from core.own.looking import Looking
from core.own.outline import Outline
from core.own.pictures import in_order
from core.own.pictures import opened as of_id
from core.own.reading import Pixels, Reading
from core.progress import Progress
from core.pruning import PruningConfig, rank
from core.run import Bringing, Run, timestamp
from core.store import uploads

SECONDS = 40.0
"""That the first part of the images may take at all stops, so that a visitor soon sees something."""
LEAST, LARGEST = 50, 64_000_000
"""Images of a part, at least; and bytes of their pixels, at most."""
_SHOWN = 5  # pictures


@task(Looking)
def look(job: Looking, work: Work) -> Outline:
    """The outline of the file; raises NetworkError if it cannot be used."""
    with _named(uploads.path(work.store, job.upload)) as path:
        return opened(path, job.size, job.architecture).outline


@task(Finding)
def find(job: Finding, work: Work) -> Prepared:
    """Let readings race; raises NetworkError, DataError."""
    work.on_progress(Progress("loading", 0, 1))
    with _named(uploads.path(work.store, job.upload)) as path:
        brought = opened(path, job.size, job.architecture)
    archive = job.pictures and uploads.path(work.store, job.pictures)
    pool = zipped.pool_of_zip(archive, job.place) if archive else pools.opened(job.place)
    rounds = 0

    def on_round(readings: int, images: int) -> None:
        nonlocal rounds
        work.report(rounds, len(finding.ROUNDS), at_most=True)
        rounds += 1

    found = found_reading(brought, pool, job.size, on_round=on_round)
    frames = {tried.reading.fit: tried.reading for tried in found.tried}
    shown = {fit: _shown(pool, reading) for fit, reading in frames.items()}
    return Prepared(found, pool.id, pool.classes, len(pool.test), len(pool.before), pool.aside, shown)


@task(Bringing)
def bring(job: Bringing, work: Work) -> Run:
    """Evaluate the first part of the test images, and store all as one run, or nothing at all."""
    work.on_progress(Progress("loading", 0, 1))
    config, upload = job.config, uploads.path(work.store, job.config.file)
    with _named(upload) as path:
        brought = opened(path, config.reading.size, config.architecture)
    pool = of_id(config.data, uploads.path(work.store, job.pictures) if job.pictures else None)
    files = {GRAPH: bytes(brought.graph.model.SerializeToString()) if config.architecture else upload.read_bytes()}
    files |= {ARRAYS: upload.read_bytes()} if config.architecture else {}
    files |= {PICTURES: uploads.path(work.store, job.pictures).read_bytes()} if job.pictures else {}
    kind: type[np.unsignedinteger[Any]] = np.uint8 if len(pool.classes) <= 256 else np.uint16
    labels: NDArray[np.unsignedinteger[Any]] = in_order(pool).labels.astype(kind)
    with TemporaryDirectory() as folder:
        (Path(folder) / GRAPH).write_bytes(files[GRAPH])
        run = _run(job, brought, pool, len(labels))
        network = Own(run, lambda name: Path(folder) / name, lambda: pool, work.check)
        weights = brought.graph.weights
        ranked = Ranked(run, weights, rank(weights, PruningConfig()), network, work)
        ranked.run = replace(run, chunk=chunk(ranked))
        part = measured(ranked, 0)
    stored = work.store.save(ranked.run, weights, labels, part.profile(PruningConfig()), files)
    if stored.parts > 1:
        work.results.put(Measuring(run_id=stored.id, number=0), part)
    return stored


def _run(job: Bringing, brought: Opened, pool: Pool, images: int) -> Run:
    reading = job.config.reading
    return Run(
        config=job.config,
        created=timestamp(),
        seconds=0.0,
        versions=versions(),
        machine=described(),
        data_md5={},
        classes=pool.classes,
        shape=(*reading.size, *((3,) if reading.channels == 3 else ())),
        owner=job.owner,
        images=images,
        outline=brought.outline,
    )


def chunk(ranked: Ranked) -> int:
    """How many images are evaluated at a time: so many that all stops take `SECONDS`, in whole runs of the graph."""
    network, images = ranked.network, ranked.run.images
    assert isinstance(network, Own)
    once = together(network.reading)
    some = -(-min(LEAST, images) // once) * once
    first = network.test(0, some)
    first.infer(ranked.weights)  # reads the pictures
    began = time.perf_counter()
    first.infer(ranked.weights)
    seconds = (time.perf_counter() - began) / len(first.labels)
    height, width = network.reading.size
    room = LARGEST // (height * width * network.reading.channels)
    wanted = min(int(SECONDS / (len(STOPS) * seconds)), room)
    return min(max(wanted // once * once, some), images)


@contextmanager
def _named(upload: Path) -> Iterator[Path]:
    """An upload under a name that messages may show."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network"
        path.symlink_to(upload.absolute())
        yield path


def _shown(pool: Pool, reading: Reading) -> tuple[Shown, ...]:
    """Some pictures as they are, and as the network sees them."""
    pictures = pool.before.sample(_SHOWN, 0)
    found = []
    for i, label in enumerate(pictures.labels.tolist()):
        whole = pictures.read(i)
        seen = reading.fitted(whole)
        found.append(Shown(_url(whole), _url(seen), pool.classes[label]))
    return tuple(found)


def _url(pixels: Pixels) -> str:
    return picture.url(picture.sheet([pixels.squeeze()], 1))
