"""What a visitor sees and keeps when the store's disk is full, cannot be written, is gone, or holds damaged runs."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.config import FORMAT
from tests import shelf
from tests.browser.conftest import Server, Visitor
from tests.browser.steps import LENET, asked, choose, drawn

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("real_data")]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, too small for a run."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=100k", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("No right to mount a disk here.")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True, capture_output=True)


@pytest.fixture
def opened(tmp_path: Path, browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Server, Visitor]]:
    """A server on that disk, or in a folder, and a visitor."""
    store = request.getfixturevalue("disk") if "disk" in request.fixturenames else tmp_path / "runs"
    server = Server(store)
    server.start()
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield server, Visitor(context.new_page(), server.url)
    context.close()
    server.stop()


def press_train(page: Page) -> None:
    page.get_by_role("button", name="Train", exact=True).click()


def test_on_a_full_disk_a_training_says_so_and_can_be_had_when_there_is_room(
    disk: Path, opened: tuple[Server, Visitor]
) -> None:
    page = opened[1].open("train")
    choose(page, seed=21, epochs=1)
    press_train(page)
    expect(page.get_by_text(re.compile("is full; free some space or name another folder"))).to_be_visible()
    assert not [path for path in disk.rglob("*") if path.is_file() or path.name.startswith(".tmp")]
    mount("-o", "remount,size=20m", str(disk))
    press_train(page)
    expect(page.get_by_text("This run is trained")).to_be_visible()


def test_a_store_that_cannot_be_written_says_so_and_is_read_on(disk: Path, opened: tuple[Server, Visitor]) -> None:
    server, visitor = opened
    mount("-o", "remount,size=20m", str(disk))
    run, _ = shelf.fill(disk)
    mount("-o", "remount,ro", str(disk))
    page = visitor.open("train")
    expect(page.get_by_text("Training is not possible at the moment.")).to_contain_text(
        "cannot be written (Read-only file system)"
    )
    assert asked(f"{server.url}/ready")[0] == 503
    drawn(visitor.open(f"prune?run={run.id}&sparsity=90"))
    visitor.open(f"prune?run={LENET}&sparsity=33.3")  # is evaluated, and cannot be kept
    expect(page.get_by_text(re.compile(r"cannot be written \(Read-only file system\)"))).to_be_visible()
    mount("-o", "remount,rw", str(disk))
    page = visitor.open("train")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible()
    expect(page.get_by_text("Training is not possible at the moment.")).to_have_count(0)
    assert asked(f"{server.url}/ready")[0] == 200


def test_a_store_that_vanishes_is_missed_and_found_again(opened: tuple[Server, Visitor]) -> None:
    server, visitor = opened
    run, _ = shelf.fill(server.store)
    drawn(visitor.open(f"prune?run={run.id}&sparsity=90"))
    away = server.store.rename(server.store.with_name("away"))
    page = visitor.open(f"prune?run={run.id}&sparsity=90")
    expect(page.get_by_text(f"There is no run {run.id} in this store")).to_be_visible()
    drawn(page)  # of a run that ships
    if server.store.exists():  # the server may have made it anew when it looked whether it could write
        server.store.rmdir()
    away.rename(server.store)
    page = visitor.open(f"prune?run={run.id}&sparsity=90")
    expect(page.get_by_text("There is no run")).to_have_count(0)
    drawn(page)


def newer(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": FORMAT + 1}))


def cut(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def flipped(folder: Path) -> None:
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def scribbled(folder: Path) -> None:
    (folder / "run.json").write_text('{"id": [')


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (newer, f"It is of format {FORMAT + 1}; this version of PruneLab reads format {FORMAT}."),
        (cut, "weights.safetensors has"),
        (flipped, "weights.safetensors does not contain what was stored in it."),
        (scribbled, "run.json is not the description of a run"),
    ],
)
def test_a_damaged_run_is_named_with_its_reason_and_the_others_stay(
    opened: tuple[Server, Visitor], damage: object, reason: str
) -> None:
    server, visitor = opened
    bad, good = shelf.fill(server.store)
    assert callable(damage)
    damage(server.store / bad.id)
    page = visitor.open(f"prune?run={bad.id}&sparsity=90")
    expect(page.get_by_text(reason).first).to_be_visible()
    page = visitor.open("train")
    expect(page.get_by_text(f"Run {bad.id} was set aside: {reason}")).to_be_visible()
    drawn(visitor.open(f"prune?run={good.id}&sparsity=90"))
    kept = [path.name for path in (server.store / ".set-aside").rglob("*")]
    assert "weights.safetensors" in kept and "reason.txt" in kept  # nothing is thrown away
