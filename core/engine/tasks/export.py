"""A pruned network as files that need nothing of ours, each tried before anyone gets it."""

import numpy as np

from core.cost.files import Export, Exporting, same, written
from core.cost.script import script
from core.engine.inference import Classifier
from core.engine.portable import from_state, onnx_runtime, run_alone, to_onnx, to_state
from core.engine.tasks import task
from core.engine.work import Work
from core.errors import PruningError
from core.evaluation import compare
from core.pruning import prune
from core.words import wording

AGREES = 1e-5
"""The largest difference of a logit that is taken for rounding, absolute or relative to the largest logit."""

_TRIED = 500
"""Images that the script answers."""

_BATCH = 250


@task(Exporting)
def export(job: Exporting, work: Work) -> Export:
    """Write a stored run, pruned, into files of all kinds, and read and run each."""
    of = work.ranked(job)
    pruned, test, design = prune(of.weights, of.ranking, job.sparsity), of.data.test, of.run.design
    steps = iter(range(1, 6))

    def report() -> None:
        work.report(next(steps), 5)

    classifier = Classifier(design, test.images)
    before, logits = (classifier.infer(weights, on_batch=work.check) for weights in (of.weights, pruned))
    report()
    comparison = compare(test.labels, before.argmax(axis=1), logits.argmax(axis=1))
    made = written(of.run, pruned, job.pruning, of.ranking.count(job.sparsity), comparison)
    report()

    state, program = to_state(pruned), script(design)
    same("weights.pt", pruned, from_state(state))
    alone = agreement("network.py", run_alone(program, state, test.images[:_TRIED]), logits[:_TRIED])
    report()

    onnx = to_onnx(design, pruned)
    run, answers = onnx_runtime(onnx), list[np.ndarray]()
    report()
    for start in range(0, len(test.images), _BATCH):
        work.check()
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
    return Export(files, checked)


def agreement(name: str, found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two tables of logits.

    Raises:
        PruningError: it is more than rounding.
    """
    apart = float(np.abs(found - expected).max())
    if not apart <= AGREES * max(1.0, float(np.abs(expected).max())):
        raise PruningError(f"{name} answers otherwise than the network, by {apart:.1e}; please report this network.")
    return apart
