"""From nothing to a set-up that can run: minutes, gigabytes, and how much of it is of use with an NVIDIA card alone.

The project is cloned into an empty folder, and `make setup` runs there without pip's cache. How long that takes depends
on the line: the baseline, the download and unpacking of torch and torchvision alone into another new environment, is
taken in the same run. What the data set and npm's cache hold beside the folder is not counted.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from benchmarks.results import save

ROOT = Path(__file__).parents[1]
FOR_CARDS = re.compile(r"nvidia-|cuda-|triton$")
"""Packages that torch asks for in its build with CUDA and not in the one for processors."""
GB = 1e9


def timed(command: list[str], folder: Path) -> float:
    """Seconds of a command, which must succeed."""
    began = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "VIRTUAL_ENV"}}
    subprocess.run(command, cwd=folder, env={**environment, "PIP_NO_CACHE_DIR": "1"}, check=True)
    return time.perf_counter() - began


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def packages(environment: Path) -> Iterator[tuple[str, int]]:
    """The name of each package and the bytes of its files."""
    libraries = next(environment.glob("lib/python*/site-packages"))
    for found in distributions(path=[str(libraries)]):
        yield found.metadata["Name"].lower(), sum(_sizes(found))


def _sizes(found: Distribution) -> Iterator[int]:
    for file in found.files or ():
        path = Path(str(file.locate()))
        yield path.stat().st_size if path.is_file() else 0


def torch_alone(folder: Path) -> float:
    """Seconds to make an environment with torch and torchvision, and what they need, by our pins."""
    wanted = re.findall(r"^(?:torch|torchvision)==\S+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    make = timed([sys.executable, "-m", "venv", str(folder)], folder.parent)
    return make + timed([str(folder / "bin" / "pip"), "install", "--quiet", *wanted], folder.parent)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        clone, alone = Path(temporary) / "prunelab", Path(temporary) / "torch"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        seconds = {"make setup": timed(["make", "setup", "CI=true"], clone), "torch alone": torch_alone(alone)}
        taken = dict(packages(clone / ".venv"))
        whole, cards = size(clone), sum(n for name, n in taken.items() if FOR_CARDS.match(name))
        row = {
            "minutes": seconds["make setup"] / 60,
            "times torch alone": seconds["make setup"] / seconds["torch alone"],
            "GB": whole / GB,
            "of which packages for NVIDIA cards, GB": cards / GB,
            "of which torch, GB": taken["torch"] / GB,
            "without both, GB": (whole - cards - taken["torch"]) / GB,
        }
    save("setup", [row], {"seconds": seconds, "bytes": taken})


if __name__ == "__main__":
    main()
