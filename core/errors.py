"""The one exception tree. Every message says what happened, with the value, and what to do next."""


class PruneLabError(Exception):
    """Base of all errors that a visitor may be shown word for word."""


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
    """The visitor stopped the job; nothing of it was kept."""


class TrainingError(PruneLabError):
    """A training diverged: these settings do not lead to a network."""


class PictureError(PruneLabError):
    """A visitor's file is no picture that can be used, or nothing is on it."""
