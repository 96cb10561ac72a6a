"""A view of the Prune page as plain PyTorch, to run, read and change: a script, and a notebook of the same lines.

Only text and arrays: nothing here runs it. Pruning is that of `torch.nn.utils.prune`, which is also the tests' oracle.
"""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.cost.files import packed
from core.cost.script import functions
from core.evaluation import Comparison
from core.pruning import PruningConfig
from core.run import Run
from core.words import wording

WEIGHTS, MASKS, REPAIRED, IMAGES = "weights.npz", "masks.npz", "repaired.npz", "images.npz"
"""The files that the script opens."""

SETS = {"fashion-mnist": "FashionMNIST", "mnist": "MNIST", "kmnist": "KMNIST"}
"""Data sets by their id, with the class of torchvision that downloads them; the images of others are in a file."""

MOST_IN_A_NOTEBOOK = 2_000_000
"""Bytes of files that a notebook may have inside; hosts of notebooks refuse or hang on much larger ones."""


@dataclass(frozen=True)
class Lesson:
    """A view as a program.

    Attributes:
        run, pruning, sparsity: the view; the sparsity is a fraction.
        k: how many weights it sets to zero in each layer.
        total: of how many.
        comparison: the counts on the screen.
    """

    run: Run
    pruning: PruningConfig
    sparsity: float
    k: tuple[int, ...]
    total: int
    comparison: Comparison

    @property
    def has_masks(self) -> bool:
        """Whether torch has no such ranking, so that the masks are in a file."""
        return self.pruning.criterion != PruningConfig().criterion or self.pruning.within.by_level

    @property
    def has_images(self) -> bool:
        """Whether torchvision does not have the test images, so that they are in a file."""
        return self.run.data_set not in SETS

    @property
    def is_repaired(self) -> bool:
        """Whether anything was repaired, so that the repaired weights are in a file."""
        return self.pruning.repaired and sum(self.k) > 0

    def parts(self) -> tuple[str, ...]:
        """The script in parts, which are the cells of the notebook."""
        c, n = self.comparison, wording.count(self.comparison.n)
        said = (
            f"# The screen says: {sum(self.k):,} of {self.total:,} weights; {c.dense.right:,} -> {c.pruned.right:,} "
            f"of {n} right; {c.lost:,} lost, {c.gained:,} gained, {c.changed:,} changed.\n"
            "# Another processor may decide a tie between two classes the other way."
        )
        return self._network(), self._data(), self._prune(), f"{_COUNT}\n{said}"

    def script(self) -> str:
        """The program."""
        return "\n\n".join(self.parts()) + "\n"

    def zipped(self, files: Mapping[str, bytes]) -> bytes:
        """Script, notebook and the files that they open in one archive."""
        return packed({"prune.py": self.script().encode(), "prune.ipynb": self.notebook(files).encode(), **files})

    def notebook(self, files: Mapping[str, bytes]) -> str:
        """The program as a notebook (nbformat 4.5), with the files that it opens inside if they are small enough."""
        inside = sum(map(len, files.values())) <= MOST_IN_A_NOTEBOOK
        opening = "" if inside else f" Put {wording.listed([*files])} next to it first: they are in the archive."
        about = (
            f"# {wording.sparsity(self.sparsity)} of a network's weights set to zero\n\nA view of PruneLab as plain "
            f"PyTorch. Run the cells from top to bottom, then change them.{opening}"
        )
        held = {name: base64.b64encode(content).decode() for name, content in files.items()} if inside else {}
        write = "import base64\n" + "\n".join(
            f'open("{name}", "wb").write(base64.b64decode("{content}"))' for name, content in held.items()
        )
        code = [*([write] if inside else []), *self.parts()]
        cells = [_cell("markdown", about, 0), *(_cell("code", part, i) for i, part in enumerate(code, 1))]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
        return json.dumps(book, indent=1)

    def _network(self) -> str:
        lines = [
            "import numpy as np",
            "import torch",
            "from torch.nn import functional as F",
            "from torch.nn.utils import prune",
            *([] if self.has_images else [f"from torchvision.datasets import {SETS[self.run.data_set]}"]),
            "",
            f'w = {{name: torch.from_numpy(a) for name, a in np.load("{WEIGHTS}").items()}}  # the dense network',
            "",
            functions(self.run.design).replace("\n\n\n", "\n\n").rstrip(),
        ]
        return "\n".join(lines)

    def _data(self) -> str:
        if self.has_images:
            return (
                f'held = np.load("{IMAGES}")  # test images, which the network was not trained on\n'
                'images, labels = torch.from_numpy(held["images"]), torch.from_numpy(held["labels"]).long()'
            )
        name = SETS[self.run.data_set]
        return (
            f'test = {name}("data", train=False, download=True)  # images that the network was not trained on\n'
            "images, labels = test.data, test.targets"
        )

    def _prune(self) -> str:
        lines = [
            "layers = {name: torch.nn.Module() for name, a in w.items() if a.ndim > 1}  # kernels, no biases",
            "for name, layer in layers.items():",
            "    layer.weight = torch.nn.Parameter(w[name].clone())",
            "before = network_on(images)",
            *self._by(),
            "for name, layer in layers.items():",
            "    w[name] = layer.weight.detach()  # the weights times their masks of 0 and 1",
        ]
        if self.is_repaired:
            lines += [
                "# The weights after the repair, which reads no label; what is zero stays zero.",
                f'w = {{name: torch.from_numpy(a) for name, a in np.load("{REPAIRED}").items()}}',
            ]
        return "\n".join((_ANSWERS, *lines))

    def _by(self) -> list[str]:
        """The pruning itself, and around it the mistakes that are easy to make."""
        if self.has_masks:
            title = self.pruning.ranks_by.title
            return [
                f'masks = np.load("{MASKS}")  # torch has no such ranking: {title}, {self.pruning.within.title}',
                "for name, layer in layers.items():",
                '    prune.custom_from_mask(layer, "weight", torch.from_numpy(masks[name]))',
            ]
        if self.pruning.is_global:
            return [
                f"k = {sum(self.k)}  # {wording.sparsity(self.sparsity)} of {self.total:,}",
                f"# k = round(0.01 * {self.total})  # mistake 1: 0.01 is 1 %, a hundred times 0.01 %",
                'where = [(layer, "weight") for layer in layers.values()]',
                "prune.global_unstructured(where, prune.L1Unstructured, amount=k)  # the smallest |w| of all layers",
                "# cut = torch.cat([layer.weight.flatten() for layer in layers.values()]).kthvalue(k).values",
                '# for layer in layers.values(): prune.custom_from_mask(layer, "weight", layer.weight > cut)'
                "  # mistake 2: no | |",
            ]
        counts = ", ".join(map(str, self.k))
        return [
            f"counts = ({counts},)",
            "for layer, k in zip(layers.values(), counts):  # so many of each layer",
            '    prune.l1_unstructured(layer, "weight", amount=k)  # the smallest |w| of this layer',
            "    # mistake 1: amount=0.01 is 1 %, a hundred times 0.01 %",
            "    # mistake 2, no | |: cut = layer.weight.flatten().kthvalue(k).values",
            '    # prune.custom_from_mask(layer, "weight", layer.weight > cut)  # the most negative weights go',
        ]


_ANSWERS = """\
@torch.inference_mode()
def network_on(images):  # the class with the largest logit, for each image
    # mistake 3: F.dropout(network(x), 0.5), dropout left on; in a model of modules, model.eval() turns it off
    return torch.cat([network(x).argmax(1) for x in images.split(500)])
"""

_COUNT = """\
after, zeros = network_on(images), sum(int((layer.weight_mask == 0).sum()) for layer in layers.values())
was, now, n = before == labels, after == labels, len(labels)
print(f"{zeros:,} of {sum(w[name].numel() for name in layers):,} weights set to zero")
print(f"accuracy {was.sum() / n:.2%} -> {now.sum() / n:.2%}: {was.sum():,} -> {now.sum():,} of {n:,} right")
print(f"{(was & ~now).sum():,} lost, {(~was & now).sum():,} gained, {(before != after).sum():,} changed")"""


def files(**named: Mapping[str, NDArray[Any]] | None) -> dict[str, bytes]:
    """The files that a program opens, of the arrays by their names: `weights`, and what else it has."""
    found = {}
    for name, arrays in named.items():
        if arrays is not None:
            content = io.BytesIO()
            np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
            found[f"{name}.npz"] = content.getvalue()
    return found


def _cell(kind: str, text: str, number: int) -> dict[str, object]:
    lines = text.splitlines(keepends=True)
    cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": lines}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})
