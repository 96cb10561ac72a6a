"""A graph run by ONNX Runtime: its outputs for batches of images, and any value inside it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, ValueInfoProto

from core.data.pool import Pictures
from core.engine.machine import THREADS
from core.engine.own.graph import shortened
from core.errors import NetworkError
from core.own.file import AGAIN
from core.own.outline import Input
from core.own.reading import Pixels, Reading

_BATCH, _PIXELS = 32, 32 * 224**2  # images at once, at most, and pixels of them: larger images are fewer
_FATAL = 4  # the only messages that ONNX Runtime may write by itself
_SHAPED = ("Identity", "Reshape", "Flatten", "Squeeze", "Cast", "Dropout")


class Runner:
    """A model ready to be run. A graph of a fixed batch is run as often as the given images need it."""

    def __init__(self, model: ModelProto, given: Input, outputs: Sequence[str], threads: int = THREADS) -> None:
        """`outputs` are names of values, outputs of the graph or not.

        Raises:
            NetworkError: ONNX Runtime refuses the graph.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, _FATAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a waiting thread takes no processor
        self._given, self.names = given, [*outputs]
        self._softmax = _is_softmax(model, outputs[0])
        self._session = _tried(
            lambda: onnxruntime.InferenceSession(
                showing(model, outputs).SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        )

    def run(self, images: NDArray[Any]) -> list[NDArray[Any]]:
        """The values for a batch, as `Reading.batch` makes it: arrays whose first axis is that of the images.

        Raises:
            NetworkError: ONNX Runtime fails.
        """
        size = self._given.batch or len(images)
        parts = [self._filled(images[start : start + size], size) for start in range(0, len(images), size)]
        found = [_tried(partial(self._session.run, self.names, {self._given.name: part})) for part in parts]
        joined = [np.concatenate(values) if len(values) > 1 else values[0] for values in zip(*found, strict=True)]
        ran = size * len(parts)
        return joined if ran == len(images) else [value[: len(value) * len(images) // ran] for value in joined]

    def answers(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """The first value as `logits`; raises as `run` does."""
        return self.logits(self.run(images)[0])

    def logits(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """The first of what `run` returns as logits (n, classes): of probabilities, their logarithms."""
        flat = np.asarray(values, np.float32).reshape(len(values), -1)
        return np.log(np.maximum(flat, np.finfo(np.float32).tiny)) if self._softmax else flat

    @staticmethod
    def _filled(images: NDArray[Any], size: int) -> NDArray[Any]:
        missing = size - len(images)
        return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images


def showing(model: ModelProto, outputs: Sequence[str]) -> ModelProto:
    """The same model with these values as its outputs."""
    if [value.name for value in model.graph.output] == [*outputs]:
        return model
    shown = ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(ValueInfoProto(name=name) for name in outputs)
    return shown


def _tried(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except MemoryError:
        raise
    except Exception as error:  # ONNX Runtime raises a dozen kinds, none of which is documented
        raise NetworkError(
            f"ONNX Runtime cannot run this graph ({shortened(error)}); {AGAIN}, perhaps with another opset_version."
        ) from error


def _is_softmax(model: ModelProto, name: str) -> bool:
    """Whether a value is made by Softmax, perhaps in another shape."""
    makers = {made: node for node in model.graph.node for made in node.output}
    while (node := makers.get(name)) is not None and node.op_type in _SHAPED:
        name = node.input[0]
    return node is not None and node.op_type == "Softmax"


def together(reading: Reading) -> int:
    """How many images are run at once."""
    height, width = reading.size
    return max(1, min(_BATCH, _PIXELS // (height * width)))


@dataclass(frozen=True, eq=False)
class Sample:
    """Some pictures in the network's size, read once, and made into its input batch by batch each time.

    Attributes:
        fitted: (height, width, channels) each.
        reading: how they are read.
        batch: how many images a run must have; None for any number. What does not fill a run is left out: where values
            inside a graph do not have the images first, they could not be told apart.
    """

    fitted: tuple[Pixels, ...]
    reading: Reading
    batch: int | None = None

    @classmethod
    def of(cls, pictures: Pictures, reading: Reading, batch: int | None) -> "Sample":
        """Read them; raises DataError for a damaged one."""
        whole = len(pictures) - len(pictures) % batch if batch and len(pictures) > batch else len(pictures)
        return cls(tuple(reading.fitted(pictures.read(i)) for i in range(whole)), reading, batch)

    def __len__(self) -> int:
        return len(self.fitted)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        size = self.batch or together(self.reading)
        for start in range(0, len(self.fitted), size):
            yield self.reading.batch(np.stack(self.fitted[start : start + size]))


def batches(pictures: Pictures, reading: Reading) -> Iterator[NDArray[Any]]:
    """The pictures as input, batch by batch, read one batch ahead; raises DataError for a damaged one."""
    size = together(reading)

    def one(start: int) -> NDArray[Any]:
        rows = range(start, min(start + size, len(pictures)))
        return reading.batch(np.stack([reading.fitted(pictures.read(i)) for i in rows]))

    starts = range(0, len(pictures), size)
    with ThreadPoolExecutor(1, "pictures") as pool:
        waiting = [pool.submit(one, start) for start in starts[:1]]
        for following in [*starts[1:], None]:
            ready = waiting.pop().result()
            if following is not None:
                waiting.append(pool.submit(one, following))
            yield ready


def answers(
    runners: Sequence[Runner],
    pictures: Pictures,
    reading: Reading,
    on_images: Callable[[int], object] = lambda done: None,
) -> list[NDArray[np.float32]]:
    """The logits (n, classes) of several networks for the same pictures, each of which is read once.

    `on_images` is called with the number of images done after each batch; what it raises passes through.
    """
    found: list[list[NDArray[np.float32]]] = [[] for _ in runners]
    done = 0
    for images in batches(pictures, reading):
        for rows, runner in zip(found, runners, strict=True):
            rows.append(runner.answers(images))
        done += len(images)
        on_images(done)
    return [np.concatenate(rows) for rows in found]
