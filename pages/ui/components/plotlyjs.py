"""plotly.js as browsers get it: the bundle that npm has installed, else the whole of it, from the Python package.

The bundle draws figures with two axes, which all of ours are; a browser compiles it in a third of the time.
"""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

PACKAGE = "plotly.js-cartesian-dist-min"
_HERE = Path(__file__).parents[1]
_BUNDLE = _HERE / "node_modules" / PACKAGE / "plotly-cartesian.min.js"
VERSION: str = json.loads((_HERE / "package.json").read_text("utf-8"))["dependencies"][PACKAGE]
"""Of plotly.js, in the bundle and in the Python package alike."""

PATH = f"/vendor/plotly-{VERSION}-{'cartesian' if _BUNDLE.exists() else 'whole'}.min.js"
"""Where the server has it. What is there never changes."""


@cache
def code() -> str:
    """The script itself."""
    whole = files("plotly") / "package_data" / "plotly.min.js"
    return (_BUNDLE if _BUNDLE.exists() else whole).read_text("utf-8")
