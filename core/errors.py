"""The one exception tree. Every message says what happened, with the value, and what to do next."""

import unicodedata

_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of what cannot stand in a line of text: control characters, halves of pairs, line ends."""


def escaped(text: str) -> str:
    """The same in one line of text; what is no text is escaped, such as a byte of a file name that is not UTF-8."""
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in _NO_TEXT else c for c in text)


class PruneLabError(Exception):
    """Base of all errors that a visitor may be shown word for word, whatever name they quote."""

    def __init__(self, message: str = "") -> None:
        super().__init__(escaped(message))


class ConfigError(PruneLabError):
    """A setting or a recipe value is out of range or of the wrong type."""


class DataError(PruneLabError):
    """The data set is missing, damaged, or not the one it claims to be."""


class PruningError(PruneLabError):
    """These weights or this sparsity cannot be ranked or pruned."""


class StoreError(PruneLabError):
    """The run store cannot be read or written, or does not hold what was asked for."""


class JobError(PruneLabError):
    """A job could not be queued, was lost, or failed."""


class JobCancelled(JobError):
    """The visitor stopped the job; nothing was kept."""


class TrainingError(PruneLabError):
    """A training diverged: these settings do not lead to a network."""


class PictureError(PruneLabError):
    """A visitor's file is no picture that can be used, or nothing is on it."""
