"""What a network is made of: its layers, and what follows from them for a problem."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.config import Compression, Problem, TrainingConfig


@dataclass(frozen=True)
class Conv:
    """A convolution of `filters` kernels of `size` x `size`, max pooling over 2 x 2 if `pool`, and ReLU.

    Batch normalisation comes between the last two; without `norm` the convolution has a bias instead.
    """

    name: str
    filters: int
    size: int = 3
    padding: int = 1
    pool: bool = False
    norm: bool = True


@dataclass(frozen=True)
class Residual:
    """Convolutions whose output is added to their input."""

    name: str
    layers: tuple[Conv, ...]


@dataclass(frozen=True)
class Means:
    """The means of nine overlapping square regions of each feature map."""


@dataclass(frozen=True)
class Flat:
    """All feature maps, flattened."""


@dataclass(frozen=True)
class Linear:
    """A fully connected layer: with ReLU, or one output for each class."""

    name: str
    outputs: int | None = None


Spec = Conv | Residual | Means | Flat | Linear


@dataclass(frozen=True)
class Placed:
    """A layer with weights at its position in a network: its inputs, its outputs and its image size.

    Attributes:
        spec: the layer.
        name: the prefix of its arrays' names, such as `block1.conv1`.
        inputs: channels, or numbers, that it reads.
        side: side of the convolution's output, before pooling; 1 for a fully connected layer.
        outputs: channels, or numbers, that it outputs.
    """

    spec: Conv | Linear
    name: str
    inputs: int
    side: int
    outputs: int

    @property
    def kernel(self) -> str:
        return _kernel(self.spec, self.name)

    @property
    def weights(self) -> int:
        """The number of its weights."""
        area = self.spec.size**2 if isinstance(self.spec, Conv) else 1
        return self.inputs * self.outputs * area


@dataclass(frozen=True)
class Kernel:
    """The number of weights of a kernel, and the number of image positions at which each is multiplied."""

    weights: int
    uses: int


def multiplications(kernels: Mapping[str, Kernel]) -> int:
    """Of the weights of all kernels, for one image."""
    return sum(kernel.weights * kernel.uses for kernel in kernels.values())


@dataclass(frozen=True)
class Joint:
    """A kernel whose filters can be removed whole, and the one kernel that reads their output.

    The reader's inputs are `regions` rows of all filters, one row after the other; from each filter it reads one
    position, or several adjacent ones.
    """

    kernel: str
    reader: str
    regions: int = 1


@dataclass(frozen=True)
class Network:
    """A network and its training recipes: the quickest first, and at the end those that have a teacher or compress.

    Attributes:
        title: its name on the screen.
        layers: from input to output.
        recipes: training settings by name.
        remark: what is special about it, shown after the summary of its layers.
        mirrors: whether its output can be the mean over an image and its mirror image.
    """

    title: str
    layers: tuple[Spec, ...]
    recipes: Mapping[str, TrainingConfig]
    remark: str = ""
    mirrors: bool = True

    def placed(self, problem: Problem) -> Iterator[Placed]:
        """The layers with weights, in order, for a problem."""
        inputs, side = problem.channels, problem.side
        for spec, name in _flattened(self.layers):
            match spec:
                case Conv():
                    out = side + 2 * spec.padding - spec.size + 1
                    yield Placed(spec, name, inputs, out, spec.filters)
                    inputs, side = spec.filters, out // 2 if spec.pool else out
                case Means():
                    inputs *= 9
                case Flat():
                    inputs *= side**2
                case Linear():
                    yield Placed(spec, name, inputs, 1, spec.outputs or problem.classes)
                    inputs = spec.outputs or problem.classes

    def kernels(self, problem: Problem) -> dict[str, Kernel]:
        """The kernels, which pruning ranks, by name, in order."""
        return {layer.kernel: Kernel(layer.weights, layer.side**2) for layer in self.placed(problem)}

    def weights(self, problem: Problem) -> int:
        """N, the number of weights that can be pruned."""
        return sum(layer.weights for layer in self.placed(problem))

    @property
    def dense(self) -> dict[str, TrainingConfig]:
        """The recipes that neither compress nor need a teacher."""
        return {name: recipe for name, recipe in self.recipes.items() if recipe.compression == Compression()}

    @property
    def normalised(self) -> bool:
        """Whether it has batch normalisation."""
        return any(isinstance(spec, Conv) and spec.norm for spec, _ in _flattened(self.layers))

    @property
    def joints(self) -> tuple[Joint, ...]:
        """The kernels whose filters can be removed; those that several kernels read, as in a residual stream, stay."""
        return tuple(_joints(self.layers, ""))

    @property
    def summary(self) -> str:
        """Its layers in words."""
        flat = [spec for spec, _ in _flattened(self.layers)]
        convolutions, linear = (sum(isinstance(spec, kind) for spec in flat) for kind in (Conv, Linear))
        added = sum(len(spec.layers) for spec in self.layers if isinstance(spec, Residual))
        words = f"{_NUMBERS[convolutions].capitalize()} convolutions"
        words += " with batch normalisation" if self.normalised else ""
        words += f", {_NUMBERS[added]} of them in residual blocks," if added else ""
        words += f" and {_NUMBERS[linear]} fully connected layer{'s' if linear > 1 else ''}"
        mirrored = "; answers with the mean over an image and its mirror image" if self.mirrors else ""
        return f"{words}{mirrored}. {self.remark}".strip()


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _flattened(layers: tuple[Spec, ...], before: str = "") -> Iterator[tuple[Conv | Means | Flat | Linear, str]]:
    """The layers, including those in residual blocks, each with its full name."""
    for spec in layers:
        if isinstance(spec, Residual):
            yield from _flattened(spec.layers, f"{spec.name}.")
        else:
            yield spec, f"{before}{getattr(spec, 'name', '')}"


def _kernel(spec: Conv | Linear, name: str) -> str:
    """The name of the weights of a layer of that name."""
    return f"{name}.conv.weight" if isinstance(spec, Conv) else f"{name}.weight"


def _joints(layers: tuple[Spec, ...], before: str) -> Iterator[Joint]:
    last, regions = None, 1
    for spec in layers:
        match spec:
            case Residual():
                yield from _joints(spec.layers, f"{spec.name}.")
                last = None  # what is added up stays whole
            case Means():
                regions = 9
            case Conv() | Linear():
                kernel = _kernel(spec, f"{before}{spec.name}")
                if last is not None:
                    yield Joint(last, kernel, regions)
                last, regions = kernel, 1
