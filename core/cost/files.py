"""A pruned network to download: its files, each read again and compared before anyone gets it."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from core.cost import compact
from core.errors import PruningError, StoreError
from core.evaluation import Comparison
from core.job import AtSparsity
from core.pruning import PruningConfig, Weights, kernels
from core.run import Run
from core.words import wording

CHECKED = "CHECKED.txt"
"""The file of an archive with a line for each check."""


@dataclass(frozen=True)
class Export:
    """The files by name, and what was checked of them, in words."""

    files: Mapping[str, bytes]
    checked: tuple[str, ...]

    def zipped(self) -> bytes:
        """All files in one archive, the same bytes each time."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, held in {**self.files, CHECKED: "\n".join(self.checked).encode()}.items():
                archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), held, zipfile.ZIP_DEFLATED)
        return content.getvalue()

    @classmethod
    def unzipped(cls, content: bytes) -> "Export":
        """The inverse of `zipped`.

        Raises:
            StoreError: it is no such archive, or it is damaged.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
            return cls(files, tuple(files.pop(CHECKED).decode().splitlines()))
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, ValueError, NotImplementedError) as error:
            raise StoreError(f"This is no archive of a pruned network ({error}).") from error


@dataclass(frozen=True, kw_only=True)
class Exporting(AtSparsity[Export]):
    """A run, pruned, written into files that need nothing of ours, each tried before anyone gets it."""

    kind = "export"
    noun = "export"
    kept = "exports/{key}-{weights}.zip"


def written(run: Run, pruned: Weights, pruning: PruningConfig, k: int, comparison: Comparison) -> Export:
    """The files of a run's pruned weights.

    Args:
        run: whose weights they are.
        pruned: all arrays, kernels with k weights set to zero.
        pruning: how these were chosen.
        k: how many they are.
        comparison: of the dense and the pruned network on the test images.

    Raises:
        PruningError: a file did not give back what it was given.
    """
    notes = {"run": run.id, "pruning": pruning.key, "k": k, "total": run.weights, "masks": mask_digest(pruned)}
    safetensors = save_safetensors(dict(pruned), {name: str(value) for name, value in notes.items()})
    packed = compact.pack(pruned, kernels(pruned), notes)
    same("weights.safetensors", pruned, load_safetensors(safetensors))
    same("network.plab", pruned, compact.unpack(packed)[0])
    files = {
        "weights.safetensors": safetensors,
        "network.plab": packed,
        "compact.py": Path(compact.__file__).read_bytes(),
        "MODEL_CARD.md": card(run, pruning, k, comparison, str(notes["masks"])).encode(),
    }
    checked = (
        f"weights.safetensors ({wording.size(len(safetensors))}) gives back every bit of all {len(pruned)} arrays.",
        f"network.plab ({wording.size(len(packed))}), our compact encoding, gives back every bit of them too; "
        "compact.py reads it.",
    )
    return Export(files, checked)


def mask_digest(pruned: Weights) -> str:
    """SHA-256 of which weights are zero: the kernels' masks in order, a bit a weight, each packed into bytes."""
    digest = hashlib.sha256()
    for kernel in kernels(pruned).values():
        digest.update(np.packbits(kernel.reshape(-1) != 0).tobytes())
    return digest.hexdigest()


def same(name: str, given: Weights, back: Mapping[str, NDArray[np.float32]]) -> None:
    """Raises PruningError if a file did not give back every bit of what it was given."""
    alike = {*given} == {*back} and all(_bits(given[n]) == _bits(back[n]) for n in given)
    if not alike:
        raise PruningError(f"{name} did not give back what it was given; please report this network.")


def _bits(array: NDArray[np.float32]) -> tuple[tuple[int, ...], str, bytes]:
    return array.shape, str(array.dtype), array.tobytes()


def facts(run: Run, pruning: PruningConfig, k: int, c: Comparison) -> dict[str, str]:
    """All that decides and describes a pruned network, by name, in words."""
    return {
        "Network": run.config.network,
        "Run": run.id,
        "Pruning": f"{pruning.criterion}, {pruning.scope}, one-shot",
        "Weights set to zero": f"{wording.removed(k, run.weights)} ({wording.sparsity(k / run.weights)})",
        "Accuracy before": f"{wording.accuracy(c.dense)}, {wording.spread(c.dense)}",
        "Accuracy after": f"{wording.accuracy(c.pruned)}, {wording.spread(c.pruned)}",
        "Difference": f"{wording.difference(c)}, 95 % paired interval; McNemar p {wording.relation(c.p_value)}",
        "Answers changed": f"{wording.count(c.changed)} of {wording.count(c.n)}",
        "Data set": run.config.data.name,
        "Classes": ", ".join(map(wording.isolated, run.classes)),
        "Images": " × ".join(map(str, run.shape)),
        "Seed": str(run.config.seed),
        **{f"Training: {name}": str(value) for name, value in run.config.to_dict()["training"].items()},
        **{f"MD5 of {name}": value for name, value in run.data_md5.items()},
        **{f"Version of {name}": value for name, value in run.versions.items()},
        "Trained": run.created,
    }


def as_written(text: str) -> str:
    """A cell of a Markdown table that shows a text as it is: as code, where a sign in it could mean something."""
    line = " ".join(text.split())
    if not _SIGNS.search(line):
        return line
    fence = "`" * (1 + max((len(ticks) for ticks in re.findall("`+", line)), default=0))
    edge = " " if "`" in (line[0], line[-1]) else ""
    return f"{fence}{edge}{line}{edge}{fence}".replace("|", "\\|")


_SIGNS = re.compile(r"[\\`*_~$&|@#^]|<(?! )|\[(?![\d\N{MINUS SIGN}+])|://|:[\w+-]+:|www\.", re.I)
"""What may mean something in Markdown as GitHub and others read it; not the brackets of an interval."""


def card(run: Run, pruning: PruningConfig, k: int, c: Comparison, masks: str) -> str:
    """What a model card says of the network (Mitchell et al., "Model cards for model reporting", 2019)."""
    rows = {**facts(run, pruning, k, c), "SHA-256 of the masks": masks}
    lines = [f"| {as_written(name)} | {as_written(value)} |" for name, value in rows.items()]
    return "\n".join(
        [
            f"# {run.config.network}, pruned by PruneLab",
            "",
            "For looking at what pruning does; not for deciding anything about people or goods.",
            "",
            "| what | value |",
            "|---|---|",
            *lines,
            "",
            "`network.py` is the whole network in a few lines of torch and reads `weights.pt`; `network.onnx` takes",
            "uint8 images and gives logits. `weights.safetensors` holds all arrays as float32, and `network.plab` the",
            "same bits in the compact encoding, which `compact.py` reads with NumPy and constriction.",
            "",
        ]
    )
