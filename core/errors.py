"""The one exception tree. Every message says what happened, with the value, and what to do next."""

import unicodedata

_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories that cannot appear in a line of text: control characters, surrogates, line separators."""


def escaped(text: str) -> str:
    """The text on one line; all else is escaped, such as a byte of a file name that is not UTF-8."""
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in _NO_TEXT else c for c in text)


class PruneLabError(Exception):
    """Base of all errors whose message may be shown to a visitor as it is, whatever names it quotes."""

    def __init__(self, message: str = "") -> None:
        super().__init__(escaped(message))


class ConfigError(PruneLabError):
    """A setting or a recipe value is out of range or of the wrong type."""


class DataError(PruneLabError):
    """The data set is missing, damaged, or not the one it claims to be."""


class PruningError(PruneLabError):
    """These weights or this sparsity cannot be ranked or pruned."""


class NetworkError(PruneLabError):
    """A network from outside cannot be used: what stands in the way, and what to type to get one that can."""


class StoreError(PruneLabError):
    """The run store cannot be read or written, or does not hold what was requested."""


class JobError(PruneLabError):
    """A job could not be queued, was lost, or failed."""


class JobCancelled(JobError):
    """The visitor stopped the job; nothing was kept."""


class TrainingError(PruneLabError):
    """Training diverged with these settings."""


class PictureError(PruneLabError):
    """A visitor's file is not a usable picture, or the picture is empty."""
