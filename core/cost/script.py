"""A few lines of plain torch that are a whole network, for who takes one away. Text only; nothing here runs it."""

from core.config import Design
from core.errors import ConfigError
from core.networks import NETWORKS, PIXEL_MEAN, PIXEL_STD

_HEAD = """\
import torch
from torch.nn import functional as F

w = torch.load("weights.pt", weights_only=True)
"""

_CHAIN = """

def look(x):
    for name, pool in ("conv1", 2), ("conv2", 1), ("conv3", 2), ("conv4", 1), ("conv5", 1):
        x = F.max_pool2d(F.conv2d(x, w[f"{name}.conv.weight"], padding=1), pool)
        norm = (w[f"{name}.norm.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = F.relu(F.batch_norm(x, *norm))
    x = F.avg_pool2d(x, SIZE, 2).permute(0, 2, 3, 1).flatten(1)  # the means of nine regions
    return F.linear(x, w["fc.weight"], w["fc.bias"])
"""

_BLOCKS = """

def conv(x, name, pool=1):
    x = F.max_pool2d(F.conv2d(x, w[f"{name}.conv.weight"], padding=1), pool)
    norm = (w[f"{name}.norm.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return F.relu(F.batch_norm(x, *norm))


def look(x):
    x = conv(conv(x, "conv1"), "conv2", 2)
    x = x + conv(conv(x, "block1.conv1"), "block1.conv2")
    x = conv(x, "conv3", 2)
    x = x + conv(conv(x, "block2.conv1"), "block2.conv2")
    x = x + conv(conv(x, "block3.conv1"), "block3.conv2")
    x = F.avg_pool2d(conv(x, "conv4"), SIZE, 2).permute(0, 2, 3, 1).flatten(1)  # the means of nine regions
    return F.linear(x, w["fc.weight"], w["fc.bias"])
"""

_LENET = """

def look(x):
    for name in "conv1", "conv2":
        x = F.relu(F.max_pool2d(F.conv2d(x, w[f"{name}.conv.weight"], w[f"{name}.conv.bias"]), 2))
    x = x.flatten(1)
    for name in "fc1", "fc2":
        x = F.relu(F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"]))
    return F.linear(x, w["fc3.weight"], w["fc3.bias"])
"""

_BODIES = {"convnet": _CHAIN, "convnet-small": _CHAIN, "lenet": _LENET, "resnet": _BLOCKS}


def script(design: Design) -> str:
    """The network as a program: `network` takes (n, h, w) or (n, h, w, 3) uint8 images, returns (n, classes) logits.

    It reads its weights from `weights.pt` and takes on their shapes.

    Raises:
        ConfigError: there is no network of that name.
    """
    if design.network not in _BODIES:
        raise ConfigError(f"There is no script for {design.network!r}.")
    problem = design.problem
    planes = "permute(0, 3, 1, 2)" if problem.channels > 1 else "unsqueeze(1)"
    shape = f"(n, {problem.side}, {problem.side}{', 3' if problem.channels > 1 else ''})"
    answer = "(look(x) + look(x.flip(3))) / 2" if design.mirrored and NETWORKS[design.network].mirrors else "look(x)"
    return f"""{_HEAD}{_BODIES[design.network].replace("SIZE", str(problem.side // 4 - 4))}

def network(images):  # {shape} uint8 -> (n, {problem.classes}) logits
    x = ((images.float() / 255 - {PIXEL_MEAN}) / {PIXEL_STD}).{planes}
    return {answer}
"""
