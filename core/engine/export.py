"""A pruned network as files that need nothing of ours, each tried before anyone gets it."""

from functools import partial
from pathlib import Path

import numpy as np

from core.config import PruningConfig
from core.cost.files import Export, same, written
from core.cost.script import script
from core.engine.inference import Classifier
from core.engine.portable import from_state, onnx_runtime, run_alone, to_onnx, to_state
from core.engine.source import GetSource, OnProgress, ShouldStop, check, official, ranked
from core.errors import PruningError
from core.evaluation import compare
from core.progress import Progress
from core.pruning import prune
from core.store.ledgers import LedgerStore
from core.store.runs import RunStore, digest
from core.words import wording

AGREES = 1e-5
"""The largest difference of a logit that is taken for rounding, absolute or relative to the largest logit."""

_TRIED = 500
"""Images that the script answers."""

_BATCH = 250


def export(
    run_id: str,
    pruning: PruningConfig,
    sparsity: float,
    *,
    root: Path | str,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """Write a stored run, pruned, into files of all kinds, read and run each, and store them.

    Raises:
        DataError, PruningError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    store = RunStore(root)
    of = ranked(store, run_id, pruning, source, on_progress, should_stop)
    pruned, test, design = prune(of.weights, of.ranking, sparsity), of.data.test, of.run.design
    may_go_on, steps = partial(check, should_stop), iter(range(1, 6))

    def report() -> None:
        on_progress(Progress("evaluating", next(steps), 5))

    classifier = Classifier(design, test.images)
    before, logits = (classifier.infer(weights, on_batch=may_go_on) for weights in (of.weights, pruned))
    report()
    comparison = compare(test.labels, before.argmax(axis=1), logits.argmax(axis=1))
    made = written(of.run, pruned, pruning, of.ranking.count(sparsity), comparison)
    report()

    state, program = to_state(pruned), script(design)
    same("weights.pt", pruned, from_state(state))
    alone = agreement("network.py", run_alone(program, state, test.images[:_TRIED]), logits[:_TRIED])
    report()

    onnx = to_onnx(design, pruned)
    run, answers = onnx_runtime(onnx), list[np.ndarray]()
    report()
    for start in range(0, len(test.images), _BATCH):
        may_go_on()
        answers.append(run(test.images[start : start + _BATCH]))
    apart = agreement("network.onnx", np.concatenate(answers), logits)
    report()

    files = {"weights.pt": state, "network.py": program.encode(), "network.onnx": onnx, **made.files}
    n, tried = wording.count(len(logits)), wording.count(min(_TRIED, len(logits)))
    checked = (
        f"weights.pt ({wording.size(len(state))}) loads with weights_only=True and gives back every bit of all "
        f"{len(pruned)} arrays.",
        f"network.py was run by itself in an empty folder: on {tried} test images its logits differ by at most "
        f"{alone:.1e} from PruneLab's.",
        f"network.onnx ({wording.size(len(onnx))}) was run by ONNX Runtime: on {n} test images its logits differ by at "
        f"most {apart:.1e} from torch's.",
        *made.checked,
    )
    LedgerStore(store).save_export(run_id, pruning, sparsity, Export(files, checked), of=digest(of.weights))


def agreement(name: str, found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two tables of logits.

    Raises:
        PruningError: it is more than rounding.
    """
    apart = float(np.abs(found - expected).max())
    if not apart <= AGREES * max(1.0, float(np.abs(expected).max())):
        raise PruningError(f"{name} answers otherwise than the network, by {apart:.1e}; please report this network.")
    return apart
