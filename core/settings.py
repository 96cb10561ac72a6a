"""The host's settings, from environment variables. Standard library only; read and checked once, at the start."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlparse

from core.errors import ConfigError


def _whole(low: int, high: int, unit: str) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and low <= int(value) <= high):
            raise ValueError(f"a whole number of {unit} from {low:,} to {high:,}")
        return int(value)

    return read


def _switch(value: str) -> bool:
    if value not in ("on", "off"):
        raise ValueError("on or off")
    return value == "on"


def _address(value: str) -> str:
    if urlparse(value).scheme not in ("tcp", "tls", "ws", "wss") or not urlparse(value).hostname:
        raise ValueError("the address of a Dask scheduler, such as tcp://10.0.0.5:8786")
    return value


def _origins(value: str) -> str:
    parts = value.split()
    if not parts or not all(re.fullmatch(r"'self'|'none'|https?://[\w.*-]+(:\d+)?", part) for part in parts):
        raise ValueError("'self', 'none', or origins such as https://school.example, with spaces between them")
    return value


PLACES = ("PRUNELAB_RUNS", "PRUNELAB_DATA", "PRUNELAB_DATASETS", "PRUNELAB_NETWORK_FILES")
"""Variables that name storage locations. The run store and the data sets read them directly, in workers too."""


def _setting(variable: str, read: Callable[[str], Any], default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"variable": variable, "read": read, "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is one variable; `docs/configuration.md` lists them, and a test compares the two."""

    scheduler: str | None = _setting("DASK_SCHEDULER_ADDRESS", _address, None, "a Dask scheduler to use")
    queue: int = _setting("PRUNELAB_QUEUE", _whole(1, 1000, "jobs"), 8, "jobs that may run or wait at once")
    training: bool = _setting("PRUNELAB_TRAINING", _switch, True, "off: no training; existing runs only")
    trainings_per_hour: int = _setting(
        "PRUNELAB_TRAININGS_PER_HOUR", _whole(1, 1000, "trainings"), 10, "networks that one visitor may have trained"
    )
    longest_training: int = _setting(
        "PRUNELAB_LONGEST_TRAINING", _whole(1, 1440, "minutes"), 120, "minutes after which a job that trains is stopped"
    )
    networks: bool = _setting("PRUNELAB_NETWORKS", _switch, True, "off: visitors cannot bring networks of their own")
    network_size: int = _setting(
        "PRUNELAB_NETWORK_SIZE", _whole(1, 500, "megabytes"), 64, "megabytes of a network or a zip of pictures, at most"
    )
    keep_networks: bool = _setting(
        "PRUNELAB_KEEP_NETWORKS",
        _switch,
        False,
        "on: networks that visitors bring stay when they leave, like other runs",
    )
    expire: int | None = _setting(
        "PRUNELAB_EXPIRE", _whole(1, 3650, "days"), None, "days after which visitors' runs are deleted"
    )
    visitors: int = _setting(
        "PRUNELAB_VISITORS", _whole(1, 10_000, "visitors"), 200, "visitors who may be here at once"
    )
    frame_ancestors: str = _setting("PRUNELAB_FRAME_ANCESTORS", _origins, "'self'", "who may embed the app in a frame")
    metrics: bool = _setting("PRUNELAB_METRICS", _switch, False, "on: answers /_stcore/metrics, to anyone")

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings of an environment; an empty variable counts as none.

        Raises:
            ConfigError: one sentence for each variable that is wrong, or that begins with PRUNELAB_ and is unknown.
        """
        known = {f.metadata["variable"]: f for f in fields(cls)}
        values, problems, names = {}, [], (*PLACES, *known)
        for variable, f in known.items():
            if value := environment.get(variable, "").strip():
                try:
                    values[f.name] = f.metadata["read"](value)
                except ValueError as error:
                    problems.append(f"{variable} is {value!r}; it must be {error}.")
        for variable in sorted(environment):
            if variable.startswith("PRUNELAB_") and variable not in names:
                problems.append(f"{variable} is unknown; the settings are {', '.join(names)}.")
        if problems:
            raise ConfigError(" ".join(problems))
        return cls(**values)
