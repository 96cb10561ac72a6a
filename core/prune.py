"""Prune a network of your own, and keep its graph.

    python -m core.prune NETWORK.onnx --data FOLDER --sparsity 0.5 -o OUT.onnx

It does without a browser what the pages do: finds how pictures are read, prunes, perhaps repairs, compares the two
networks on the same images, and writes the graph with zeros, checked. It returns 1 with a sentence if something stands
in the way.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core.engine.own.pruning import Asked, prune_file
from core.errors import PruneLabError, escaped
from core.own.reading import SCALES, sides
from core.pruning import CRITERIA, REPAIRS, SCOPES, PruningConfig
from core.words import wording


def main(arguments: Sequence[str] | None = None) -> int:
    """Prune as asked on the command line; 0 if the file was written, 1 with a sentence if not."""
    given = _parser().parse_args(arguments)
    try:
        pruning = PruningConfig(
            criterion=given.criterion,
            scope=given.scope,
            seed=given.seed,
            repair=given.repair,
            sample=given.sample,
        )
        asked = Asked(
            network=given.network,
            data=given.data,
            sparsity=given.sparsity,
            output=given.output,
            pruning=pruning,
            size=given.size,
            scale=given.scale,
            architecture=given.architecture,
            layers=given.layers,
            package=given.package,
        )
        for line in prune_file(asked, progress=_progress):
            _progress("")
            print(escaped(line), flush=True)
    except PruneLabError as error:
        _progress("")
        print(error, file=sys.stderr)
        return 1
    return 0


def _progress(text: str) -> None:
    """Show a line that the next one replaces, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core.prune", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "network", type=Path, metavar="NETWORK", help="an ONNX file, or safetensors with --architecture"
    )
    pictures = "a folder for each class, perhaps below train and test; IDX files; or fashion-mnist"
    parser.add_argument("--data", required=True, metavar="FOLDER", help=pictures)
    parser.add_argument(
        "--sparsity", required=True, type=_fraction, help="fraction of the weights to set to zero, 0 to 1"
    )
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="the file to write")
    parser.add_argument("--criterion", choices=CRITERIA, default="magnitude", help="which weights go first")
    parser.add_argument("--scope", choices=SCOPES, default="global", help="which weights compete")
    parser.add_argument("--seed", type=int, default=0, help="of the random criterion")
    parser.add_argument("--repair", choices=REPAIRS, default="none", help="what follows, without labels")
    parser.add_argument("--sample", type=int, default=1_000, metavar="N", help="images for the repair, at most")
    parser.add_argument("--size", type=_size, metavar="HxW", help="of the images, where the graph leaves it open")
    parser.add_argument("--scale", choices=SCALES, help="how pixels are scaled; found by measuring if not given")
    parser.add_argument("--architecture", metavar="NAME", help="of torchvision, such as resnet18, for safetensors")
    parser.add_argument("--package", type=Path, metavar="ZIP", help="write masks, compact encoding and model card too")
    parser.add_argument("--layers", action="store_true", help="list the layers, and what is not pruned")
    return parser


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a fraction from 0 to 1, such as 0.5 for {wording.percent(0.5)}"
        )
    return value


def _size(text: str) -> tuple[int, int]:
    size = sides(text)
    if size is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a height and a width, such as 48x192")
    return size


if __name__ == "__main__":
    sys.exit(main())
