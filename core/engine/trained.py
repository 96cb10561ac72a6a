"""A network that was trained here."""

from collections.abc import Callable
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from core import data
from core.cost.files import Export
from core.cost.times import BATCHES, Times
from core.data import Dataset, Split
from core.engine.formats import FORMATS, Pruned, export
from core.engine.inference import Classifier, Viewer
from core.engine.network import Each, Images, OnRound, Repaired, ToExport
from core.engine.repair import Repairer, sample
from core.engine.statistics import COMPUTED
from core.engine.timing import measure
from core.evaluation import compare
from core.evaluation.trace import Look
from core.pruning import PruningConfig, Weights
from core.run import Run


class Trained:
    """`core.engine.network.Network` in torch."""

    def __init__(self, run: Run, source: Callable[[], Dataset], check: Callable[[], object]) -> None:
        """`source` loads the run's data set, once it is needed; `check` is called for each batch."""
        self._run, self._source, self._check = run, source, check

    @cached_property
    def data(self) -> Dataset:
        """The run's data set; raises DataError, StoreError."""
        return self._source()

    def test(self, start: int = 0, stop: int | None = None) -> Images:
        """As `Network.test`."""
        test = self.data.test
        return self._images(Split(test.images[start:stop], test.labels[start:stop]))

    def held_out(self) -> Images:
        """The validation images."""
        return self._images(self._parts[1])

    def repairer(self, dense: Weights, pruning: PruningConfig) -> Repaired:
        """As `Network.repairer`, with a sample of the training images."""
        images = sample(self._parts[0].images, pruning)
        return Repairer(self._run.design, dense, images, pruning, check=self._check).repaired

    def statistic(self, needs: str, dense: Weights) -> dict[str, NDArray[np.float32]]:
        """As `Network.statistic`, from the validation images."""
        return COMPUTED[needs](self._run.design, dense, self._parts[1], check=self._check)

    def viewer(self, image: NDArray[np.uint8]) -> Look:
        """As `Network.viewer`."""
        return Viewer(self._run.design, image).look

    def times(self, dense: Weights, pruned: Weights, on_round: OnRound) -> Times:
        """As `Network.times`, in torch and in ONNX Runtime."""
        images = self.data.test.images
        enough = np.resize(images, (max(BATCHES), *images.shape[1:]))
        return measure(self._run.design, dense, pruned, enough, on_round)

    def export(self, asked: ToExport, each: Each) -> Export:
        """As `Network.export`."""
        test, images, ranking = self.data.test, self.test(), asked.ranking
        before, logits = (images.infer(weights) for weights in (asked.dense, asked.pruned))
        comparison = compare(test.labels, before.argmax(axis=1), logits.argmax(axis=1))
        k = ranking.count(asked.sparsity)
        network = Pruned(
            self._run, asked.pruned, ranking.pruning, k, comparison, test.images, test.labels, logits, self._check
        )
        return export(network, each(FORMATS))

    def _images(self, split: Split) -> Images:
        classifier = Classifier(self._run.design, split.images)
        return Images(split.labels, partial(classifier.infer, on_batch=self._check))

    @cached_property
    def _parts(self) -> tuple[Split, Split]:
        return data.split(self.data.train, self._run.trained.data)
