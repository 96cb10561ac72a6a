"""What may follow pruning, without labels and without training: each repair once, with its words.

The mask stays as it is. `core.engine.repair` does it; the sample of images that it sees is part of `PruningConfig`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Repair:
    """What is done to a network after it was pruned.

    Attributes:
        title: in the menu "After pruning".
        done: what was done, in a sentence about the network: `at 50 %, refitted, it …`.
        help: what changes, for the menu.
        refits: whether kernels and biases change.
        measures: whether what batch norm has measured changes.
    """

    title: str
    done: str
    help: str
    refits: bool = False
    measures: bool = True

    def changes(self, normalised: bool) -> bool:
        """Whether it changes a network with batch normalisation, or one without."""
        return self.refits or (self.measures and normalised)


AS_IS = "none"

REPAIRS: dict[str, Repair] = {
    AS_IS: Repair("As is", "as is", "nothing else changes", measures=False),
    "batch-norm": Repair(
        "Batch norm re-measured",
        "with batch norm re-measured",
        "the means and variances that batch normalisation uses are measured again",
    ),
    "refit": Repair(
        "Refitted",
        "refitted",
        "the remaining weights of each layer are fitted, by least squares, to what the dense network's layer outputs; "
        "then batch norm is re-measured",
        refits=True,
    ),
}
"""Every repair by name, the default first. The names are part of links and of stored profiles."""
