"""The pictures of a network that was brought: its data set, and the order in which they are evaluated."""

from pathlib import Path

from core.data import pools, zipped
from core.data.pool import Pictures, Pool
from core.errors import DataError


def opened(data: str, archive: Path | None) -> Pool:
    """The data set of that id: one that this machine has, or the pictures in a zip that was uploaded.

    Raises:
        DataError: it is not here, it has changed, or it cannot be used.
    """
    if archive is None:
        return pools.find(data)
    pool = zipped.pool_of_zip(archive, data.rpartition("-")[0])
    if pool.id != data:
        raise DataError(f"The pictures that were uploaded are not those of {data}; upload them again.")
    return pool


def in_order(pool: Pool) -> Pictures:
    """The test pictures in the order in which they are evaluated part by part."""
    return shuffled(pool.test)


def shuffled(test: Pictures) -> Pictures:
    """Test pictures in one seeded order."""
    return test.sample(len(test), 0)
