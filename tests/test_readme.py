"""What the README prints runs as it is printed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core import data
from core.errors import DataError
from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent


def test_the_notebook_runs_as_printed() -> None:
    try:
        data.check("fashion-mnist")
    except DataError as error:
        pytest.skip(str(error))
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    assert len(snippets) == 1
    done = subprocess.run(
        [sys.executable, "-c", snippets[0]], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    assert "Comparison(n=10000" in done.stdout
