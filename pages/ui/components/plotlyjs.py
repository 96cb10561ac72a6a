"""plotly.js as browsers get it: the bundle that npm has installed, else the whole of it, from the Python package.

The bundle draws figures with two axes, which all of ours are; a browser compiles it in a third of the time.
"""

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

PACKAGE = "plotly.js-cartesian-dist-min"
_HERE = Path(__file__).parents[1]
_BUNDLE = _HERE / "node_modules" / PACKAGE / "plotly-cartesian.min.js"
VERSION: str = json.loads((_HERE / "package.json").read_text("utf-8"))["dependencies"][PACKAGE]
"""Of plotly.js, in the bundle and in the Python package alike."""


def _script() -> Traversable:
    return _BUNDLE if _BUNDLE.exists() else files("plotly") / "package_data" / "plotly.min.js"


def code() -> str:
    """The script itself."""
    return _script().read_text("utf-8")


PATH = f"/vendor/{VERSION}/{_script().name}"
"""Where the server has it. What is there never changes."""
