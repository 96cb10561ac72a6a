"""A pruned network to download: its archive, and the facts that describe it."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.errors import StoreError
from core.evaluation import Comparison
from core.job import AtSparsity
from core.pruning import PruningConfig, Weights, kernels
from core.run import Run
from core.words import wording

CHECKED = "CHECKED.txt"
"""The file of an archive with a line for each check."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """The files in one ZIP archive, the same bytes each time."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, held in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), held, zipfile.ZIP_DEFLATED)
    return content.getvalue()


@dataclass(frozen=True)
class Export:
    """The files by name, and a sentence for each check."""

    files: Mapping[str, bytes]
    checked: tuple[str, ...]

    def zipped(self) -> bytes:
        """All files in one archive, the same bytes each time."""
        return packed({**self.files, CHECKED: "\n".join(self.checked).encode()})

    @classmethod
    def unzipped(cls, content: bytes) -> "Export":
        """The inverse of `zipped`.

        Raises:
            StoreError: it is not such an archive, or it is damaged.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
            return cls(files, tuple(files.pop(CHECKED).decode().splitlines()))
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, ValueError, NotImplementedError) as error:
            raise StoreError(f"This is not an archive of a pruned network ({error}).") from error


@dataclass(frozen=True, kw_only=True)
class Exporting(AtSparsity[Export]):
    """Export a pruned run to files that work without PruneLab, each tested before anyone can download it."""

    kind = "export"
    noun = "export"
    kept = "exports/{key}-{weights}.zip"


def mask_digest(pruned: Weights) -> str:
    """SHA-256 of which weights are zero: the kernels' masks in order, one bit per weight, each packed into bytes."""
    digest = hashlib.sha256()
    for kernel in kernels(pruned).values():
        digest.update(np.packbits(kernel.reshape(-1) != 0).tobytes())
    return digest.hexdigest()


def facts(run: Run, pruning: PruningConfig, k: int, c: Comparison) -> dict[str, str]:
    """Everything that determines and describes a pruned network, by name, in words."""
    return {
        "Network": run.network,
        "Run": run.id,
        **what_pruning_did(pruning, k, run.weights, c),
        "Data set": run.data_set,
        "Classes": ", ".join(map(wording.isolated, run.classes)),
        "Images": " × ".join(map(str, run.shape)),
        **_origin(run),
        **{f"MD5 of {name}": value for name, value in run.data_md5.items()},
        **{f"Version of {name}": value for name, value in run.versions.items()},
        "Brought" if run.brought else "Trained": run.created,
    }


def _origin(run: Run) -> dict[str, str]:
    """How the dense network was trained, or the file that was brought and how it reads pictures."""
    if (brought := run.brought) is not None:
        architecture = {"Architecture": brought.architecture} if brought.architecture else {}
        return {**architecture, "SHA-256 of the file": brought.file, "Pictures read as": str(brought.reading)}
    training = run.trained.to_dict()["training"]
    training |= training.pop("compression", {})
    return {"Seed": str(run.trained.seed), **{f"Training: {name}": str(value) for name, value in training.items()}}


def what_pruning_did(pruning: PruningConfig, k: int, total: int, c: Comparison) -> dict[str, str]:
    """How k of so many weights were chosen, and what that did to the answers, by name, in words."""
    sample = f"{wording.count(pruning.sample)} training images without labels (seed {pruning.sample_seed})"
    return {
        "Pruning": f"{pruning.criterion}, {pruning.scope}, one-shot",
        **({"Repair": f"{pruning.followed_by.title}, on {sample}"} if pruning.repaired else {}),
        "Weights set to zero": f"{wording.removed(k, total)} ({wording.sparsity(k / total)})",
        "Accuracy before": f"{wording.accuracy(c.dense)}, {wording.spread(c.dense)}",
        "Accuracy after": f"{wording.accuracy(c.pruned)}, {wording.spread(c.pruned)}",
        "Difference": f"{wording.difference(c)}, 95 % paired interval; McNemar p {wording.relation(c.p_value)}",
        "Answers changed": f"{wording.count(c.changed)} of {wording.count(c.n)}",
    }


def as_written(text: str) -> str:
    """A Markdown table cell that shows a text literally: as code, if a character in it could be markup."""
    line = " ".join(text.split())
    if not _SIGNS.search(line):
        return line
    fence = "`" * (1 + max((len(ticks) for ticks in re.findall("`+", line)), default=0))
    edge = " " if "`" in (line[0], line[-1]) else ""
    return f"{fence}{edge}{line}{edge}{fence}".replace("|", "\\|")


_SIGNS = re.compile(r"[\\`*_~$&|@#^]|<(?! )|\[(?![\d\N{MINUS SIGN}+])|://|:[\w+-]+:|www\.", re.I)
"""Characters that may be markup in Markdown as GitHub and others read it; not the brackets of an interval."""


def card(
    run: Run,
    pruning: PruningConfig,
    k: int,
    c: Comparison,
    arrays: Mapping[str, str],
    contents: Mapping[str, str],
) -> str:
    """The model card of the network (Mitchell et al., "Model cards for model reporting", 2019).

    `arrays` says what was counted in the arrays themselves, and `contents` describes each other file, both by name.
    """
    return table_of(f"{run.network}, pruned by PruneLab", {**facts(run, pruning, k, c), **arrays}, contents)


def table_of(title: str, rows: Mapping[str, str], contents: Mapping[str, str]) -> str:
    """A model card: its title, what is known by name, and a description of each other file."""
    lines = [
        f"# {as_written(title)}",
        "",
        "For studying what pruning does; not for decisions about people or goods.",
        "",
        "| what | value |",
        "|---|---|",
        *(f"| {as_written(name)} | {as_written(value)} |" for name, value in rows.items()),
        "",
        *(f"- `{name}`: {about}" for name, about in contents.items()),
        "",
    ]
    return "\n".join(lines)
