"""A network as one HTML page, which decodes and runs it in plain JavaScript and loads nothing else.

decoder.js   reads the compact encoding
network.js   runs any network of `core.networks`
picture.js   makes a picture into its input
page.js      what is drawn, chosen, dropped or pasted; the answer in words and bars
"""

import base64
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import Design
from core.networks import NETWORKS, PIXEL_MEAN, PIXEL_STD, Residual, Spec, passes
from core.words import wording

_HERE = Path(__file__).parent
_SCRIPTS = ("decoder.js", "network.js", "picture.js", "page.js")
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
"""What the page may load: only its own content."""
_OF_ARRAYS = {"filters", "size", "norm"}
"""What the arrays and their shapes say of a layer."""
_SPARE = re.compile(r"\s*([{}:;,])\s*")
"""A sign of the style sheet with the space around it."""
_PAYLOAD = re.compile(rb'<script type="text/plain" id="network">([A-Za-z0-9+/=]*)</script>')


def page(
    title: str,
    about: Sequence[str],
    design: Design,
    packed: bytes,
    classes: Sequence[str],
    images: NDArray[np.uint8],
    labels: NDArray[np.integer[Any]],
) -> bytes:
    """The page of a network, in UTF-8.

    Args:
        title: its heading.
        about: sentences on what the network is, what it can do and what it cannot.
        design: its layers and how it computes its output.
        packed: the bytes of its file, as `core.cost.compact.pack` makes them.
        classes: the names of the classes, in the order of the labels.
        images: (n, side, side) or (n, side, side, 3), a few test images to try.
        labels: (n,) their labels.
    """
    side = f"{design.problem.side} × {design.problem.side}"
    facts = {
        "design": outline(design),
        "classes": [*classes],
        "labels": labels.tolist(),
        "images": _text(zlib.compress(images.tobytes(), 9, wbits=-zlib.MAX_WBITS)),
    }
    points = "".join(f"<li>{escape(sentence)}</li>" for sentence in about)
    scripts = "\n".join(map(_lean, _SCRIPTS))
    style = _SPARE.sub(r"\1", _lean("page.css"))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{escape(title)} · PruneLab</title>
<style>
{style}
</style>
</head>
<body>
<main>
<header>
<h1>{escape(title)}</h1>
<p>A neural network that runs in this page alone. Draw something or give it a picture, and it says what that is.
Nothing that you show it leaves this browser.</p>
</header>
<noscript><p>The network is a program in this page. Allow scripts to run it.</p></noscript>
<div id="columns">
<section id="ask" aria-labelledby="ask-title">
<h2 id="ask-title">Give it a picture</h2>
<div id="sheet">
<canvas id="pad" width="280" height="280" role="img" aria-label="Draw here with a finger or the mouse"></canvas>
<p>Draw here, and fill the shape in</p>
</div>
<div id="buttons">
<label><input type="file" id="file" accept="image/*"><span>Choose a picture</span></label>
<button type="button" id="clear">Clear</button>
</div>
<p class="note">Or drop a picture on the page, or paste one.</p>
<h3 id="images-title">Or take a test image</h3>
<div id="images" role="group" aria-labelledby="images-title"></div>
</section>
<section id="answer" aria-labelledby="answer-title">
<h2 id="answer-title">Its answer</h2>
<p id="verdict" role="status"><strong id="word">…</strong> <span id="sentence"></span></p>
<figure>
<canvas id="seen" width="1" height="1" role="img" aria-label="The picture as the network sees it"></canvas>
<figcaption>The picture as the network sees it, in {side} pixels.
<span id="time"></span></figcaption>
</figure>
<ol id="bars" aria-label="Probability of each class"></ol>
</section>
</div>
<section id="about" aria-labelledby="about-title">
<h2 id="about-title">What this is</h2>
<ul>{points}<li>Its file is in this page and has {wording.size(len(packed))}. The page decodes it, runs it and
loads nothing else, so it works offline.</li></ul>
</section>
</main>
<script type="text/plain" id="network">{_text(packed)}</script>
<script type="application/json" id="facts">{_json(facts)}</script>
<script type="module">
{scripts}
</script>
</body>
</html>
""".encode()


def payload(page: bytes) -> bytes:
    """The bytes of the network's file that are in a page.

    Raises:
        ValueError: there are none.
    """
    found = _PAYLOAD.search(page)
    if found is None:
        raise ValueError("This page has no network in it.")
    return base64.b64decode(found[1])


def outline(design: Design) -> dict[str, Any]:
    """What `network.js` needs to know besides the arrays."""
    return {
        "layers": [_layer(spec) for spec in NETWORKS[design.network].layers],
        "side": design.problem.side,
        "channels": design.problem.channels,
        "mean": PIXEL_MEAN,
        "deviation": PIXEL_STD,
        "mirrored": passes(design) == 2,
    }


def _layer(spec: Spec) -> Mapping[str, Any]:
    inner = {"layers": [_layer(layer) for layer in spec.layers]} if isinstance(spec, Residual) else {}
    fields = {name: value for name, value in asdict(spec).items() if name not in _OF_ARRAYS}
    return {"kind": type(spec).__name__, **fields, **inner}


def _lean(name: str) -> str:
    """One of our files without indentation and comments, which stand on lines of their own."""
    lines = (line.strip() for line in (_HERE / name).read_text("utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/**")))


def _json(value: object) -> str:
    """As it may stand in a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
