"""What every benchmark writes and prints: `benchmarks/results/<name>.json` and a table.

A benchmark keeps its raw measurements, each baseline measured in the same run, and hands over a table of finished
rows: `save("inference", rows, measurements)`.
"""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"
PACKAGES = ("numpy", "torch", "torchvision", "dask", "distributed", "streamlit", "plotly", "scipy")

Row = Mapping[str, Any]


def spread(values: Sequence[float]) -> dict[str, float | int | list[float]]:
    """Median, mean, standard deviation (n - 1), extremes and the values themselves."""
    return {
        "median": statistics.median(values),
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else 0.0,
        "min": min(values),
        "max": max(values),
        "n": len(values),
        "values": list(values),
    }


def measurements(name: str) -> dict[str, Any]:
    """The raw measurements that the benchmark's file holds; none if there is no file."""
    path = FOLDER / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text())["measurements"] if path.exists() else {}
    return found


def save(name: str, rows: Sequence[Row], measurements: Mapping[str, Any]) -> Path:
    """Print the rows as a table and write everything to `benchmarks/results/<name>.json`."""
    result = {
        "name": name,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "table": [dict(row) for row in rows],
        "measurements": dict(measurements),
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print_table(rows)
    print(f"written to {path.relative_to(FOLDER.parent.parent)}")
    return path


def print_table(rows: Sequence[Row]) -> None:
    """Print rows of equal keys as aligned columns, floats with four significant digits."""
    cells = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def machine() -> dict[str, Any]:
    """The processor by name, its logical CPUs, and the operating system."""
    names = (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name"))
    return {
        "processor": next(names, platform.processor() or platform.machine()),
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """The installed versions of the packages that matter to speed."""
    return {package: text for package in PACKAGES if (text := _version(package))}


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
