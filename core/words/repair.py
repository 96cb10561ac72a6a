"""A repaired network in words: what it is called, its result next to the pruned one's, and how much was repaired."""

from core.evaluation import Comparison
from core.pruning import AS_IS, REPAIRS
from core.words import wording


def network(repair: str) -> str:
    """The word for the network after pruning on labels: `pruned`, `repaired` or `refitted`."""
    if repair == AS_IS:
        return "pruned"
    return "refitted" if REPAIRS[repair].refits else "repaired"


def networks(repair: str) -> str:
    """`dense → pruned`: the two networks that are compared."""
    return f"dense → {network(repair)}"


def after(repair: str) -> str:
    """` (refitted)`, to follow a sparsity; empty for the network as it is."""
    return "" if repair == AS_IS else f" ({REPAIRS[repair].done})"


def back(brought: int, still: int) -> str:
    """`188 of 220`: of the correct answers that pruning lost, those brought back; `none lost` if it lost none."""
    lost = brought + still
    return f"{wording.count(brought)} of {wording.count(lost)}" if lost else "none lost"


def answer(repair: str, k: int, total: int, comparison: Comparison, as_is: Comparison, repaired: Comparison) -> str:
    """The result of pruning and repair in words, never stronger than the paired intervals allow.

    Args:
        repair: the name of the repair.
        k, total: how many weights are zero, and of how many.
        comparison: the dense network against the repaired one.
        as_is: the dense network against the pruned one.
        repaired: the pruned network against the repaired one.
    """
    if not as_is.changed and not comparison.changed:
        return wording.answer(k, total, comparison)
    n, done = wording.count(comparison.n), REPAIRS[repair].done
    pruned = "no answer changed" if not as_is.changed else _moved(as_is, " correct answers")
    opening = f"{wording.removed(k, total)} set to zero. {REPAIRS[AS_IS].done.capitalize()}, {pruned}; {done}, "
    moved = f"{_moved(comparison)}, of {n}" if comparison.changed else f"none of {n} answers changed"
    verdict = wording.verdict(comparison) if comparison.changed else ""
    return " ".join(filter(None, (f"{opening}{moved}.", verdict, undone(as_is, repaired))))


def _moved(c: Comparison, what: str = "") -> str:
    return f"{wording.count(c.lost)}{what} lost, {wording.count(c.gained)} gained"


def undone(as_is: Comparison, repaired: Comparison) -> str:
    """How much of the loss a repair undid, in a sentence; empty if there is nothing that chance would not explain.

    Both the loss (dense against pruned) and what the repair wins back (pruned against repaired) must be significant.
    “Most” is more than half.
    """
    loss, back = as_is.lost - as_is.gained, repaired.gained - repaired.lost
    if not (as_is.significant and loss > 0 and repaired.significant and back > 0):
        return ""
    return f"{'Most' if 2 * back > loss else 'Part'} of the loss was damage that needs no labels to repair."
