"""Results as JSON (msgspec). Reading is strict: exactly the fields of the class, each of its declared type."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, get_args, runtime_checkable

import msgspec
import numpy as np

from core.errors import PruneLabError, StoreError

T = TypeVar("T")


@runtime_checkable
class OwnForm(Protocol):
    """A class with a JSON form of its own, other than that of its fields."""

    def to_json(self) -> dict[str, Any]:
        """The value as JSON holds it."""

    @classmethod
    def from_json(cls, values: Any) -> Any:
        """Convert the output of `to_json` to JSON of the fields; may raise KeyError, TypeError or ValueError."""


def to_json(value: Any) -> dict[str, Any]:
    """A dataclass as dictionaries, lists and scalars; arrays are lists."""
    return value.to_json() if isinstance(value, OwnForm) else of_fields(value)


def of_fields(value: Any) -> dict[str, Any]:
    """The same by its fields, even if the class has a form of its own."""
    built: dict[str, Any] = msgspec.to_builtins(value, enc_hook=_listed, str_keys=True)
    return built


def from_json(kind: type[T], values: object) -> T:
    """The inverse of `to_json`.

    Raises:
        StoreError: a field is missing, unknown, of another type, or does not fit the others.
    """
    name = kind.__name__.lower()
    try:
        fields = kind.from_json(values) if issubclass(kind, OwnForm) else values
        value = msgspec.convert(fields, kind, dec_hook=_array, str_keys=True)
        unknown = _unknown(to_json(value), values)
    except PruneLabError as error:
        raise StoreError(f"This is not a valid {name} ({error})") from error
    except (msgspec.ValidationError, KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise StoreError(f"This is not a valid {name} ({error}).") from error
    if unknown:
        raise StoreError(f"This is not a valid {name} (it has an unknown field, {unknown}).")
    return value


def _unknown(known: Any, given: Any, path: str = "") -> str:
    """The path of the first given field that the class does not have, or empty; msgspec ignores unknown fields."""
    if isinstance(known, Mapping) and isinstance(given, Mapping):
        for name, value in given.items():
            inside = f"{path}.{name}".lstrip(".")
            if unknown := inside if name not in known else _unknown(known[name], value, inside):
                return unknown
    if isinstance(known, list | tuple) and isinstance(given, list | tuple):
        return next((unknown for a, b in zip(known, given, strict=True) if (unknown := _unknown(a, b, path))), "")
    return ""


def _listed(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _array(kind: type, value: object) -> object:
    """A list as an array of the field's declared type."""
    if not isinstance(value, list):
        raise TypeError(f"{type(value).__name__} is not a list of numbers")
    return np.array(value, get_args(get_args(kind)[1])[0])
