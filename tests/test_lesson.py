"""A view as plain PyTorch: the script runs alone, and its numbers are those of the screen."""

import gzip
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from io import BytesIO
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import data
from core.cost.lesson import MOST_IN_A_NOTEBOOK, Lesson, files
from core.data import fashion
from core.errors import DataError
from core.evaluation.profile import Profile
from core.pruning import AS_IS, CRITERIA, REPAIRS, SCOPES, PruningConfig, rank
from core.run import Run
from core.store.runs import RunStore
from pages.ui.server import services
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops
from tests.browser.steps import LENET
from tests.patience import PATIENCE


def lesson_of(store: RunStore, run: Run, profile: Profile, row: int) -> Lesson:
    comparison = profile.comparison(store.labels(run.id), row)
    counts = tuple(profile.layer_k[row].tolist())
    return Lesson(run, profile.pruning, float(profile.sparsity[row]), counts, profile.total, comparison)


@pytest.mark.parametrize(("criterion", "scope", "repair"), [*product(CRITERIA, SCOPES, REPAIRS)])
def test_every_view_has_a_program_of_at_most_60_lines(tmp_path: Path, criterion: str, scope: str, repair: str) -> None:
    store = RunStore(tmp_path)
    for run in (run for run in store.runs() if run.reference):
        profile = store.profile(run.id, PruningConfig())
        assert profile is not None
        row = profile.stop_index(50)
        made = lesson_of(store, run, profile, row)
        pruning = PruningConfig(criterion=criterion, scope=scope, repair=repair)
        made = Lesson(run, pruning, made.sparsity, made.k, made.total, made.comparison)
        text = made.script()
        compile(text, "prune.py", "exec")
        assert len(text.splitlines()) <= 60, (run.network, len(text.splitlines()))
        assert max(map(len, text.splitlines())) <= 120
        assert f"{profile.k[row]:,} of {profile.total:,} weights" in text
        opened = {"weights.npz", *re.findall(r'"(masks.npz|repaired.npz|images.npz)"', text)}
        assert made.has_masks == ("masks.npz" in opened) and made.is_repaired == ("repaired.npz" in opened)
        for mistake in ("mistake 1", "mistake 2") if not made.has_masks else ():
            assert mistake in text
        assert "mistake 3" in text


@pytest.fixture(scope="module")
def downloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set where torchvision looks for what it has downloaded."""
    try:
        found = fashion.locate()
    except DataError as error:
        pytest.skip(str(error))
    raw = tmp_path_factory.mktemp("torchvision") / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in Path(found).iterdir():
        if path.name.endswith("-ubyte.gz"):
            (raw / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
        elif path.name.endswith("-ubyte"):
            shutil.copy(path, raw)
    return raw.parents[1]


def run_alone(folder: Path, downloaded: Path) -> str:
    """What the script in a folder prints, which has only what is next to it."""
    (folder / "data").symlink_to(downloaded)
    done = subprocess.run(
        [sys.executable, "-I", "prune.py"], cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


VIEWS = [
    (PruningConfig(), 0.01),
    (PruningConfig(), 50),
    (PruningConfig(scope="layerwise"), 60),
    (PruningConfig(scope="erk"), 80),
    (PruningConfig(criterion="lamp"), 90),
    (PruningConfig(scope="nm"), 50),
    (PruningConfig(), 0),
    (PruningConfig(), 100),
]


@pytest.mark.slow
@pytest.mark.parametrize(("pruning", "percent"), VIEWS)
def test_the_script_alone_prints_the_numbers_of_the_screen(
    tmp_path: Path, downloaded: Path, pruning: PruningConfig, percent: float
) -> None:
    store = RunStore(tmp_path / "store")
    run, weights, labels = store.get(LENET), store.weights(LENET), store.labels(LENET)
    profile = store.profile(LENET, pruning)
    if profile is None:
        profile = _computed(run, store, pruning, percent)
    row, ranking = profile.stop_index(percent), rank(weights, pruning)
    made = lesson_of(store, run, profile, row)
    masks = ranking.masks(float(profile.sparsity[row])) if made.has_masks else None
    archive = zipfile.ZipFile(BytesIO(made.zipped(files(weights=weights, masks=masks))))
    archive.extractall(tmp_path / "alone")
    printed = run_alone(tmp_path / "alone", downloaded)
    c = profile.comparison(labels, row)
    assert f"{profile.k[row]:,} of {profile.total:,} weights set to zero" in printed
    assert f"{c.dense.right:,} -> {c.pruned.right:,} of {c.n:,} right" in printed
    assert f"{c.lost:,} lost, {c.gained:,} gained, {c.changed:,} changed" in printed


def _computed(run: Run, store: RunStore, pruning: PruningConfig, percent: float) -> Profile:
    from core.engine.inference import Classifier
    from core.evaluation.parts import compute

    weights = store.weights(run.id)
    images = data.load_test(data.FASHION.id).images
    classifier = Classifier(run.design, images)
    return compute(
        weights, rank(weights, pruning), classifier.infer, store.labels(run.id), sparsities=(0.0, percent / 100)
    )


@pytest.mark.slow
@pytest.mark.parametrize("pruning", [PruningConfig(), PruningConfig(scope="layerwise")], ids=lambda p: p.scope)
def test_the_mistake_to_try_prunes_as_many_weights_and_costs_more(
    tmp_path: Path, downloaded: Path, pruning: PruningConfig
) -> None:
    store = RunStore(tmp_path / "store")
    profile = store.profile(LENET, pruning)
    assert profile is not None
    row = profile.stop_index(50)
    text = lesson_of(store, store.get(LENET), profile, row).script()
    if pruning.is_global:
        text = re.sub(r"(?m)^(prune.global_unstructured)", r"# \1", text)
        text = text.replace("# cut =", "cut =").replace("# for layer in", "for layer in")
    else:
        text = text.replace("    prune.l1_unstructured", "    # prune.l1_unstructured")
        text = text.replace("# mistake 2, no | |: cut", "cut").replace(
            "# prune.custom_from_mask", "prune.custom_from_mask"
        )
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "prune.py").write_text(text)
    (tmp_path / "alone" / "weights.npz").write_bytes(files(weights=store.weights(LENET))["weights.npz"])
    printed = run_alone(tmp_path / "alone", downloaded)
    assert f"{profile.k[row]:,} of {profile.total:,} weights set to zero" in printed
    right = int(re.findall(r"-> ([\d,]+) of", printed)[0].replace(",", ""))
    assert right < profile.comparison(store.labels(LENET), row).pruned.right


def _page(view, stops):  # type: ignore[no-untyped-def]  # runs on its own, without this module's names
    from pages.ui.view import code

    code.offer(view, stops)


@pytest.mark.parametrize("repair", REPAIRS)
def test_between_two_stops_a_program_is_offered_only_where_what_it_opens_exists(tmp_path: Path, repair: str) -> None:
    """Repaired weights are kept at the stops; the others are pruned by the program itself."""
    services.store.clear()
    run, own = RunStore(tmp_path).get(LENET), 0.525
    profile = RunStore(tmp_path).profile(LENET, PruningConfig())
    assert profile is not None
    between = replace(profile, pruning=PruningConfig(repair=repair))
    row = between.stop_index(50)
    stops = Stops(
        replace(between, sparsity=np.where(np.arange(len(profile.k)) == row, own, profile.sparsity)), row, own
    )
    app = AppTest.from_function(_page, args=(View(run, between.pruning, own), stops), default_timeout=PATIENCE).run()
    assert not app.exception and "prune" in str(app.code[0].value)
    offered = {button.proto.label for button in app.get("download_button")}
    opens_repaired = "repaired.npz" in str(app.code[0].value)
    assert opens_repaired == (repair != AS_IS)
    assert len(offered) == (0 if opens_repaired else 2)
    assert ["kept at the stops of the slider" in str(said.value) for said in app.caption] == [True] * opens_repaired


@pytest.mark.slow
def test_a_repaired_view_loads_the_repaired_weights(tmp_path: Path, downloaded: Path) -> None:
    from core.engine.tasks import perform
    from core.evaluation.profile import Evaluating

    store, pruning = RunStore(tmp_path / "store"), PruningConfig(repair="refit")
    perform(Evaluating(run_id=LENET, pruning=pruning, sparsity=0.9), store.root)
    point, run, weights = store.point(LENET, pruning, 0.9), store.get(LENET), store.weights(LENET)
    assert point is not None
    profile = store.profile(LENET, pruning)
    assert profile is not None
    made = lesson_of(store, run, profile, profile.stop_index(90))
    repaired = store.kept_arrays(store.repaired(LENET, pruning, 0.9))
    archive = zipfile.ZipFile(BytesIO(made.zipped(files(weights=weights, repaired=repaired))))
    archive.extractall(tmp_path / "alone")
    printed = run_alone(tmp_path / "alone", downloaded)
    right = int((point.predicted[-1] == store.labels(LENET)).sum())
    assert f"-> {right:,} of 10,000 right" in printed


@pytest.mark.slow
def test_the_notebook_runs_as_the_script_does_with_its_files_inside(tmp_path: Path, downloaded: Path) -> None:
    store = RunStore(tmp_path / "store")
    profile = store.profile(LENET, PruningConfig())
    assert profile is not None
    row = profile.stop_index(50)
    made = lesson_of(store, store.get(LENET), profile, row)
    held = files(weights=store.weights(LENET))
    assert sum(map(len, held.values())) < MOST_IN_A_NOTEBOOK
    book = json.loads(made.notebook(held))
    (tmp_path / "alone").mkdir()
    cells = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    (tmp_path / "alone" / "prune.py").write_text("\n\n".join(cells))
    printed = run_alone(tmp_path / "alone", downloaded)
    assert f"{profile.k[row]:,} of {profile.total:,} weights set to zero" in printed
    c = profile.comparison(store.labels(LENET), row)
    assert f"{c.lost:,} lost, {c.gained:,} gained, {c.changed:,} changed" in printed


def test_a_large_notebook_names_the_files_that_it_needs(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    profile = store.profile(LENET, PruningConfig())
    assert profile is not None
    made = lesson_of(store, store.get(LENET), profile, 3)
    text = made.notebook(files(weights={"a": np.random.default_rng(0).normal(size=300_000)}))
    assert "Put weights.npz next to it first" in text and "base64" not in text
