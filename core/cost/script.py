"""A whole network as a few lines of plain torch, for anyone who downloads one. Only text: nothing here runs it."""

from core.config import Design, Problem
from core.errors import ConfigError
from core.networks import NETWORKS, PIXEL_MEAN, PIXEL_STD, Conv, Flat, Linear, Means, Network, Residual, Spec, passes

_HEAD = """\
import torch
from torch.nn import functional as F

w = torch.load("weights.pt", weights_only=True)


"""

_NORMALISED = """\
    x = F.max_pool2d(F.conv2d(x, w[f"{name}.conv.weight"], padding=PADDING), pool)
    norm = (w[f"{name}.norm.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return F.relu(F.batch_norm(x, *norm))
"""

_PLAIN = """\
    x = F.conv2d(x, w[f"{name}.conv.weight"], w[f"{name}.conv.bias"], padding=PADDING)
    return F.relu(F.max_pool2d(x, pool))
"""


def script(design: Design) -> str:
    """The network as a program, which reads its weights from `weights.pt`.

    Raises:
        ConfigError: there is no network of that name.
    """
    return _HEAD + functions(design)


def functions(design: Design) -> str:
    """The network as functions of its weights `w`, tensors by name, whose shapes they take on.

    `network` takes (n, h, w) or (n, h, w, 3) uint8 images and returns (n, classes) logits.

    Raises:
        ConfigError: there is no network of that name.
    """
    if design.network not in NETWORKS:
        raise ConfigError(f"There is no script for {design.network!r}.")
    network, problem = NETWORKS[design.network], design.problem
    planes = "permute(0, 3, 1, 2)" if problem.channels > 1 else "unsqueeze(1)"
    shape = f"(n, {problem.side}, {problem.side}{', 3' if problem.channels > 1 else ''})"
    answer = "(look(x) + look(x.flip(3))) / 2" if passes(design) == 2 else "look(x)"
    lines = "\n".join(f"    {_line(spec, problem)}" for spec in network.layers)
    return f"""def conv(x, name, pool=1):
{_convolution(network)}

def look(x):
{lines}


def network(images):  # {shape} uint8 -> (n, {problem.classes}) logits
    x = ((images.float() / 255 - {PIXEL_MEAN}) / {PIXEL_STD}).{planes}
    return {answer}
"""


def _convolution(network: Network) -> str:
    """The function for the network's convolutions, which are all of the same kind."""
    (spec,) = {(layer.padding, layer.norm) for layer in network.layers if isinstance(layer, Conv)}
    padding, norm = spec
    return (_NORMALISED if norm else _PLAIN).replace(", padding=PADDING", f", padding={padding}" if padding else "")


def _line(spec: Spec, problem: Problem) -> str:
    """A layer as a line of the program."""
    match spec:
        case Conv():
            return f"x = {_conv('x', spec.name, spec)}"
        case Residual():
            inner = "x"
            for layer in spec.layers:
                inner = _conv(inner, f"{spec.name}.{layer.name}", layer)
            return f"x = x + {inner}"
        case Means():
            return (
                f"x = F.avg_pool2d(x, {problem.side // 4 - 4}, 2).permute(0, 2, 3, 1).flatten(1)"
                "  # the means of nine regions"
            )
        case Flat():
            return "x = x.flatten(1)"
        case Linear():
            product = f'F.linear(x, w["{spec.name}.weight"], w["{spec.name}.bias"])'
            return f"x = F.relu({product})" if spec.outputs else f"return {product}"


def _conv(x: str, name: str, spec: Conv) -> str:
    return f'conv({x}, "{name}"{", 2" if spec.pool else ""})'
