"""`make` and `tools/apt-install` on a machine that is not ready: apt is busy, data is missing, a set-up broke off."""

import fcntl
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent

# --- apt --------------------------------------------------------------------------------------------------------

needs_apt = pytest.mark.skipif(not shutil.which("apt-get"), reason="This machine has no apt.")

APT = """
Dir "{0}"; Dir::State "{0}"; Dir::State::status "{0}/dpkg/status"; Dir::Cache "{0}"; Dir::Etc "{0}"; Dir::Log "{0}";
Dir::Bin::dpkg "/bin/true"; APT::Sandbox::User "";
"""
"""apt with all of its files in a folder of its own."""

STATUS = """Package: thing
Status: install ok installed
Architecture: all
Version: 1
Maintainer: nobody
Description: a thing that is installed
"""


def script(path: Path, *lines: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def apt(tmp_path: Path) -> dict[str, str]:
    """The environment of an apt that knows one package, for somebody who may install."""
    for folder in ("dpkg", "lists/partial", "archives/partial", "apt.conf.d", "preferences.d", "sources.list.d"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "dpkg" / "status").write_text(STATUS)
    (tmp_path / "conf").write_text(APT.format(tmp_path))
    script(tmp_path / "bin" / "id", "echo 0")
    return {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "APT_CONFIG": str(tmp_path / "conf")}


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold it as apt and dpkg do, for the time of the block."""
    with lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def install(environment: Mapping[str, str], package: str) -> "subprocess.Popen[str]":
    command, pipe = [str(ROOT / "tools" / "apt-install"), package], subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


@needs_apt
@pytest.mark.parametrize("lock", ["lists/lock", "dpkg/lock-frontend", "dpkg/lock"])
def test_it_waits_for_whoever_holds_a_lock_of_apts_and_says_so(apt: dict[str, str], tmp_path: Path, lock: str) -> None:
    with held(tmp_path / lock):
        installing = install(apt, "thing")
        assert installing.stdout and installing.stdout.readline() == "Installing Debian packages: thing\n"
        said = installing.stdout.readline()
        assert said.startswith("Waiting for another process") and f"{tmp_path / lock}. It is held by" in said
        assert str(os.getpid()) in said and installing.poll() is None
    _, errors = installing.communicate(timeout=PATIENCE)
    assert (installing.returncode, errors) == (0, "")


@needs_apt
def test_what_is_no_lock_is_not_waited_for(apt: dict[str, str]) -> None:
    said, errors = install(apt, "no-such-thing").communicate(timeout=PATIENCE)
    assert said == "Installing Debian packages: no-such-thing\n"
    assert "Unable to locate package no-such-thing" in errors


def test_nothing_calls_apt_but_the_one_that_waits() -> None:
    named = [ROOT / name for name in ("Makefile", "Dockerfile", ".ci/run", "tools/apt-install")]
    calls = [
        path.name for path in named for line in path.read_text().splitlines() if re.match(r"[^#]*\bapt-get -", line)
    ]
    assert calls == ["apt-install"]


# --- make -------------------------------------------------------------------------------------------------------

PYTHON = """
echo "$*${{PIP_EXTRA_INDEX_URL:+ from$PIP_EXTRA_INDEX_URL}}" >> log
case "$*" in
    "-m venv .venv") mkdir -p .venv/bin && ln -sf {} .venv/bin/python ;;
    *locate*) test -e data ;;
    "-m core.engine.download"*) test ! -e server || touch data; test -e data ;;
esac
"""
"""Stands for Python: the data set is a file, which may be fetched if there is a server."""


LOCK, BUNDLE = "pages/ui/package-lock.json", "pages/ui/node_modules/.package-lock.json"


class Checkout:
    """A checkout that was set up, with stand-ins for Python and apt, which has nothing unless there is a package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("Makefile", "packages.txt", "requirements.txt", "requirements-dev.txt", "constraints.txt", LOCK):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        self.python = script(folder / "elsewhere" / "python", PYTHON.format(folder / "elsewhere" / "python"))
        script(folder / "tools" / "apt-install", 'echo "apt $*" >> log; test -e package && touch data')
        script(folder / "bin" / "npm", 'echo "npm $1" >> log; test ! -e no-npm && mkdir -p pages/ui/node_modules')
        long_ago = self.python.stat().st_mtime - 86_400
        for path in folder.rglob("*"):
            os.utime(path, (long_ago, long_ago))
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "python").symlink_to(self.python)
        for stamp in (".requirements", ".requirements-dev"):
            (folder / ".venv" / stamp).touch()
        (folder / BUNDLE).parent.mkdir()
        (folder / BUNDLE).touch()

    def make(self, target: str, *settings: str) -> tuple[str, list[str]]:
        """What is said, and which commands were run."""
        (self.folder / "log").write_text("")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PRUNELAB", "MAKE"))}
        environment["PATH"] = f"{self.folder / 'bin'}:{environment['PATH']}"
        command = ["make", target, f"PYTHON={self.python}", *settings]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, (self.folder / "log").read_text().splitlines()

    def put(self, name: str) -> None:
        (self.folder / name).touch()

    def lose(self, name: str) -> None:
        (self.folder / name).unlink()


needs_make = pytest.mark.skipif(not shutil.which("make"), reason="This machine has no make.")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@needs_make
@pytest.mark.parametrize("target", ["run", "test"])
@pytest.mark.parametrize("source", ["package", "server"])
def test_a_data_set_that_is_not_there_is_looked_for_at_each_call(checkout: Checkout, target: str, source: str) -> None:
    for _ in range(2):
        said, run = checkout.make(target)
        assert "Going on without the data set" in said
        assert "apt dataset-fashion-mnist" in run and "-m core.engine.download" in run
        assert run[-1].startswith("-m streamlit" if target == "run" else "-m pytest")
    checkout.put(source)
    said, run = checkout.make(target)
    assert "Going on without" not in said and (checkout.folder / "data").exists()
    said, run = checkout.make(target)
    assert "data set" not in said and len(run) == 2  # it is looked for, and there

    (checkout.folder / "data").unlink()  # the package was removed, or the folder
    assert "Looking for the data set" in checkout.make(target)[0] and (checkout.folder / "data").exists()


@needs_make
def test_packages_are_installed_again_into_an_environment_that_has_lost_its_python(checkout: Checkout) -> None:
    checkout.put("data")
    link = checkout.folder / ".venv" / "bin" / "python"
    link.unlink()
    link.symlink_to(checkout.folder / "upgraded")  # the system has another Python now
    _, run = checkout.make("test")
    assert run[0] == "-m venv .venv" and sum("install" in line for line in run) == 2


@needs_make
def test_packages_that_were_installed_only_in_part_are_installed_at_the_next_call(checkout: Checkout) -> None:
    checkout.put("data")
    (checkout.folder / ".venv" / ".requirements-dev").unlink()
    script(checkout.python, PYTHON.format(checkout.python), 'case "$*" in *requirements-dev*) exit 1 ;; esac')
    for _ in range(2):
        with pytest.raises(AssertionError):
            checkout.make("test")
        assert "requirements-dev" in (checkout.folder / "log").read_text()


@needs_make
def test_npms_bundle_is_installed_where_npm_is_and_missed_by_nobody(checkout: Checkout) -> None:
    checkout.put("data")
    checkout.put("no-npm")  # it is there, and its registry is out of reach
    checkout.lose(BUNDLE)
    said, run = checkout.make("run")
    assert "npm ci" in run and "Going on without it" in said and run[-1].startswith("-m streamlit")
    assert not any("install" in line for line in checkout.make("test")[1])  # packages are there, and stay
    checkout.lose("no-npm")
    assert "npm ci" in checkout.make("run")[1] and (checkout.folder / BUNDLE).exists()
    assert "npm ci" not in checkout.make("run")[1]


@needs_make
def test_an_index_of_cpu_builds_is_asked_too_and_one_who_has_no_card_hears_of_it(checkout: Checkout) -> None:
    checkout.put("data")
    checkout.lose(".venv/.requirements")
    said, run = checkout.make("setup")
    assert ("TORCH_INDEX" in said) == (shutil.which("nvidia-smi") is None) and "from" not in run[0]
    checkout.lose(".venv/.requirements")
    said, run = checkout.make("setup", "TORCH_INDEX=https://index")
    assert "TORCH_INDEX" not in said and run[0].endswith("-r requirements.txt from https://index")
