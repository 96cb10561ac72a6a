"""A network that was brought, in words: what its file holds, how its pictures are read, what pruning did to it."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from core.evaluation import Comparison, Proportion
from core.own.finding import Prepared
from core.own.found import Found
from core.own.outline import Layer, Outline
from core.pruning import AS_IS
from core.words import repair as repairs
from core.words import wording

SHOWN = 6
"""Readings in a table; there may be a hundred."""


def network(name: str, outline: Outline) -> str:
    """`lenet.onnx: 44,190 weights in 5 layers can be pruned. …`"""
    given = outline.input
    sides = " × ".join("any" if side is None else wording.count(side) for side in given.shape)
    by = f", written by {outline.producer}" if outline.producer else ""
    return (
        f"{name}: {wording.count(outline.weights)} weights in {wording.counted(len(outline.layers), 'layer')} can be "
        f"pruned. {wording.size(outline.bytes)}, opset {outline.opset}{by}; input {given.name}, {given.type}, "
        f"{sides} ({' or '.join(given.layouts)})."
    )


def layers(outline: Outline) -> Iterator[str]:
    """A table of the layers, and what is not pruned by its reason."""
    rows = [("layer", "operator", "shape", "weights", "groups", "tied with"), *map(_row, outline.layers)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield from kept(outline)


def kept(outline: Outline) -> Iterator[str]:
    """What is not pruned, and why."""
    numbers = Counter[str]()
    for part in outline.kept:
        numbers[part.why] += part.numbers
    if stored := [f"{wording.counted(n, 'number')} of {why}" for why, n in numbers.items() if n]:
        yield f"Not pruned, because only kernels of Conv, Gemm and MatMul are: {wording.listed(stored)}."
    if computed := [part for part in outline.kept if not part.numbers]:
        yield f"Not pruned: {wording.counted(len(computed), 'node')}, such as {computed[0].name}: {computed[0].why}."


def _row(layer: Layer) -> tuple[str, ...]:
    shape = " × ".join(map(str, layer.shape))
    tied = ", ".join(layer.nodes) if layer.tied else ""
    return layer.name, layer.operator, shape, wording.count(layer.weights), str(layer.groups), tied


def images(test: int, before: int, classes: int, aside: int) -> str:
    """How many pictures there are, and which are not reported on."""
    reported = f"{wording.count(test)} test pictures of {wording.count(classes)} classes"
    if aside:
        return (
            f"{reported}. There is no training part, so {wording.count(aside)} more were set aside: they are looked at "
            "before, and not reported on."
        )
    return f"{reported}; {wording.count(before)} training pictures, which are not reported on."


def pictures(prepared: Prepared) -> Iterator[str]:
    """The data set, and how the pictures are read."""
    yield images(prepared.test, prepared.before, len(prepared.classes), prepared.aside)
    tried = prepared.found.tried
    yield (
        f"{wording.counted(len(tried), 'reading')} {'was' if len(tried) == 1 else 'were'} tried on pictures that are "
        "not reported on; the first is proposed."
    )


def evaluated(accuracy: Proportion, images: int) -> str:
    """The accuracy of a network on the first of so many test images."""
    first = "" if accuracy.n == images else f", the first of {wording.count(images)} test images"
    return f"This network is evaluated. Test accuracy: {wording.accuracy(accuracy)}{first}."


def right(accuracy: Proportion, images: int) -> str:
    """`92.50 %`, or `92.50 % of the first 64` of so many test images."""
    first = "" if accuracy.n == images else f" of the first {wording.count(accuracy.n)}"
    return f"{wording.percent(accuracy.value)}{first}"


def readings(found: Found, classes: Sequence[str]) -> Iterator[str]:
    """The readings that were tried, the one to use first, and a warning if none of them makes sense."""
    yield "How pictures are read, by accuracy on pictures that are not reported on; the first is used:"
    for tried in found.tried[:SHOWN]:
        yield f"  {wording.accuracy(tried.accuracy):<24} {tried.reading}"
    if len(found.tried) > SHOWN:
        yield f"  and {wording.counted(len(found.tried) - SHOWN, 'other')}"
    yield from doubts(found, classes)


def doubts(found: Found, classes: Sequence[str]) -> Iterator[str]:
    """Why the first reading may not be the right one."""
    if found.near_chance:
        yield (
            f"None of them is shown to be better than guessing ({wording.percent(1 / found.classes)}): the network was "
            "trained on other pictures or classes, or its pictures were read in a way that is not in this list."
        )
    if found.reordered:
        share, order = found.reordered
        names = ", ".join(f"{i} {wording.isolated(classes[c])}" for i, c in enumerate(order[:10]))
        rest = ", …" if len(order) > 10 else ""
        yield (
            f"Another order of the classes fits better: with the outputs {names}{rest}, {wording.accuracy(share)} "
            "would be right. Name the folders so that their order is that of the network's outputs, such as 00, 01, 02."
        )


def result(
    k: int, total: int, repair: str, as_is: Comparison, after: Comparison, repaired: Comparison, left: Sequence[str]
) -> Iterator[str]:
    """What pruning and repair did, and the paired difference, with its n."""
    if repair == AS_IS or not k:
        yield wording.answer(k, total, as_is)
    else:
        yield repairs.answer(repair, k, total, after, as_is, repaired)
    if left:
        yield f"Left as they were pruned, because the graph does not give what they read: {wording.few(left)}."
    c = after
    yield (
        f"Test accuracy: dense {wording.accuracy(c.dense)}, {repairs.network(repair)} {wording.accuracy(c.pruned)}; "
        f"difference {wording.difference(c)}, paired on {wording.count(c.n)} images."
    )


def command(name: str, architecture: str | None, data: str, sparsity: float, *how: str) -> str:
    """The command line that prunes a file, with further arguments `how`."""
    given = ["python", "-m", "core.prune", name, *(("--architecture", architecture) if architecture else ())]
    out = "pruned.safetensors" if architecture else "pruned.onnx"
    return shlex.join([*given, "--data", data, "--sparsity", f"{sparsity:.10g}", *how, "-o", out])


def checks(n: int, compact: str, names: Sequence[str]) -> Iterator[str]:
    """How the files to take home were checked: on n images, the size of the compact encoding, the files' names."""
    yield f"{names[0]} is what was brought with other numbers in the pruned and repaired constants, and nothing else."
    yield (
        "It passes ONNX's checker, and ONNX Runtime ran it on all "
        f"{wording.count(n)} test images; every weight that was pruned is +0.0."
    )
    yield f"{names[1]} ({compact}), our compact encoding, gives it back bit for bit; restore.py does that."


def packed(file: str, whole: int, compact: int) -> str:
    """The archive, and what the compact encoding takes."""
    return (
        f"Written to {file}: the same with the masks, a model card, and the file in {wording.size(compact)} instead "
        f"of {wording.size(whole)}, which restore.py turns back into the same file, bit for bit."
    )


def written(file: str, n: int) -> str:
    """The file, and how it was checked."""
    return (
        f"Written to {file}: the same graph, with other numbers in these weights alone. It passes ONNX's checker, and "
        f"was run on all {wording.count(n)} test pictures."
    )
