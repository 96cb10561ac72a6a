"""What a host sets is checked at the start, with one sentence for each mistake."""

import re

import pytest

from core.errors import ConfigError
from core.settings import Settings


def test_nothing_set_gives_the_defaults_and_empty_counts_as_nothing() -> None:
    assert Settings.read({}) == Settings.read({"PRUNELAB_QUEUE": " ", "HOME": "/x"}) == Settings()


def test_what_is_set_is_read() -> None:
    found = Settings.read(
        {
            "PRUNELAB_QUEUE": "3",
            "PRUNELAB_TRAINING": "off",
            "PRUNELAB_EXPIRE": "30",
            "DASK_SCHEDULER_ADDRESS": "tcp://10.0.0.5:8786",
            "PRUNELAB_FRAME_ANCESTORS": "'self' https://*.school.example",
        }
    )
    assert (found.queue, found.training, found.expire) == (3, False, 30)
    assert found.scheduler == "tcp://10.0.0.5:8786" and found.frame_ancestors.endswith("school.example")


@pytest.mark.parametrize(
    ("variable", "value", "asked"),
    [
        ("PRUNELAB_QUEUE", "0", "from 1 to 1,000"),
        ("PRUNELAB_QUEUE", "many", "whole number of jobs"),
        ("PRUNELAB_TRAINING", "yes", "on or off"),
        ("PRUNELAB_EXPIRE", "-1", "days"),
        ("DASK_SCHEDULER_ADDRESS", "10.0.0.5:8786", "tcp://"),
        ("PRUNELAB_FRAME_ANCESTORS", "*; script-src *", "origins"),
        ("PRUNELAB_QEUE", "8", "unknown; the settings are PRUNELAB_RUNS"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(variable: str, value: str, asked: str) -> None:
    with pytest.raises(ConfigError, match=f"^{variable} is .*{re.escape(asked)}"):
        Settings.read({variable: value})


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"PRUNELAB_QUEUE.*PRUNELAB_METRICS"):
        Settings.read({"PRUNELAB_METRICS": "1", "PRUNELAB_QUEUE": "x"})
