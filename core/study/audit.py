"""The student report's claim put to the test: every reading of its sentence, on several networks of its regime.

The report set "the weights in the bottom 0.01th percentile" to zero and saw 72.86 % become 71.31 %. Each reading below
is one way to understand that sentence, or one mistake that would be easy to make.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import RunConfig
from core.errors import StoreError
from core.evaluation import Proportion, student
from core.job import Job, OfConfig
from core.networks import NETWORKS
from core.pruning import PruningConfig
from core.run import Network
from core.study.lines import csv_of
from core.words import wording

FORMAT = 1
"""Version of audits. Raise it when a reading's name would no longer mean the same."""

REPORTED = 0.7131 - 0.7286
"""The difference in accuracy that the report gives, a fraction."""

SEEDS = (0, 1, 2, 3, 4)
"""Of the networks."""

SIGNED = PruningConfig(criterion="signed")


@dataclass(frozen=True)
class Reading:
    """One way to read the sentence.

    Attributes:
        name: of the reading, as in stored audits.
        title: as on the screen.
        sparsity: of the kernels that it prunes, a fraction.
        pruning: what ranks the weights.
        only: how the names of the pruned kernels begin; empty for all.
        dropout: the share of each fully connected layer's inputs that is dropped at random while both networks answer.
        subset: how many test images each network answers, drawn at random for each; 0 for all images.
    """

    name: str
    title: str
    sparsity: float
    pruning: PruningConfig = PruningConfig()  # noqa: RUF009  (frozen)
    only: str = ""
    dropout: float = 0.0
    subset: int = 0


READINGS = (
    Reading("magnitude", "The smallest 0.01 % by magnitude", 0.0001),
    Reading("quantile", "“0.01th percentile” read as the quantile 0.01: the smallest 1 %", 0.01),
    Reading("signed", "Absolute value forgotten: the most negative 0.01 %", 0.0001, SIGNED),
    Reading("signed 0.1", "The same with 0.1 %", 0.001, SIGNED),
    Reading("largest", "The largest instead of the smallest 0.01 %", 0.0001, PruningConfig(criterion="largest")),
    Reading("convolutions", "The smallest 0.01 % of the convolutions only", 0.0001, only="conv"),
    Reading("dropout", "The smallest 0.01 %, dropout of 0.5 left on while testing", 0.0001, dropout=0.5),
    Reading("subset", "The smallest 0.01 %, each network tested on 1,000 other images", 0.0001, subset=1_000),
)


@dataclass(frozen=True)
class Finding:
    """What one reading gave on one network: k weights were zeroed; accuracy before and after."""

    k: int
    before: Proportion
    after: Proportion

    @property
    def difference(self) -> float:
        """Accuracy after - before, a fraction."""
        return self.after.value - self.before.value


@dataclass(frozen=True, kw_only=True)
class Audit:
    """All readings on one network, by name, with the machine, and the digest of the weights if known.

    Raises:
        StoreError: it is not of the readings of this version.
    """

    format: int = FORMAT
    config: RunConfig
    findings: Mapping[str, Finding]
    created: str
    versions: Mapping[str, str]
    machine: Mapping[str, str | int | bool]
    weights: str = ""

    def __post_init__(self) -> None:
        if self.format != FORMAT or set(self.findings) != {reading.name for reading in READINGS}:
            raise StoreError("This audit is of other readings; compute it again.")


@dataclass(frozen=True, kw_only=True)
class Auditing(OfConfig[Audit]):
    """All readings of the claim, tried on one network."""

    kind = "audit"
    noun = "audit of the claim"
    unit = "reading"
    background = True
    repeats = True
    kept = ".study/{id}.json"

    @property
    def needs(self) -> tuple[Job[Any], ...]:
        """The network, which is trained again as well unless it is a run."""
        return (Network(config=self.config),)

    def fits(self, result: Audit) -> bool:
        """Whether it is of this network."""
        return result.config == self.config


@lru_cache(maxsize=1)
def networks() -> tuple[RunConfig, ...]:
    """Those that the claim is audited on: the report's regime, one for each of `SEEDS`."""
    recipe = NETWORKS["lenet"].recipes["report"]
    return tuple(RunConfig(network="lenet", training=recipe, seed=seed) for seed in SEEDS)


@dataclass(frozen=True, eq=False)
class Summary:
    """One reading over n networks.

    Attributes:
        reading: which.
        k: weights zeroed in each.
        total: of how many that it could.
        differences: (n,) fractions, after - before.
        low, high: 95 % prediction interval (Student) of one more such network's difference; its own value for one.
    """

    reading: Reading
    k: int
    differences: NDArray[np.float64]
    low: float
    high: float

    @property
    def mean(self) -> float:
        return float(self.differences.mean())

    @property
    def explains(self) -> bool:
        """Whether the report's difference is within what this reading gives."""
        return self.low <= REPORTED <= self.high


def summaries(audits: Sequence[Audit]) -> list[Summary]:
    """Every reading over the audited networks, at least one."""
    return [_summary(reading, [audit.findings[reading.name] for audit in audits]) for reading in READINGS]


def _summary(reading: Reading, findings: Sequence[Finding]) -> Summary:
    values = np.array([finding.difference for finding in findings])
    mean, half = map(float, student(values, one_more=True))
    return Summary(reading, findings[0].k, values, max(mean - half, -1.0), min(mean + half, 1.0))


def verdict(summaries: Sequence[Summary]) -> str:
    """What the report's own reading gives, and whether it can explain the report, in words."""
    first = summaries[0]
    title = f"{first.reading.title[0].lower()}{first.reading.title[1:]}"
    can = "can" if first.explains else "cannot"
    return (
        f"Zeroing {title} changes accuracy by {wording.points(first.mean)} on average over {len(first.differences)} "
        f"networks: it {can} explain {wording.points(REPORTED)}."
    )


def explanations(summaries: Sequence[Summary]) -> str:
    """Which of the other readings can explain the report, in words."""
    can = [f"- {s.reading.title}" for s in summaries[1:] if s.explains]
    if not can:
        return "None of the other readings can either."
    return "\n".join(["These can, in the sense that one more such network may well give that difference:", "", *can])


def to_csv(summaries: Sequence[Summary]) -> str:
    """One row for each reading."""
    rows = [("reading", "k", *(f"network {i}" for i in range(len(summaries[0].differences))))]
    rows += [(s.reading.title, str(s.k), *(f"{value:.10g}" for value in s.differences)) for s in summaries]
    return csv_of(rows)
