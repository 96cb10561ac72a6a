"""What this is, in five sentences, for who comes for the first time; once closed, it is gone from this browser."""

from pages.ui.component import declare

_HTML = """
<section class="welcome" hidden aria-labelledby="welcome-title">
  <h2 id="welcome-title">New here? Five sentences</h2>
  <ol>
    <li>A network like this one answers by multiplying a picture's pixels with many thousand numbers, its weights.</li>
    <li>Pruning sets some of them to zero, here those closest to zero first, in the hope that nobody misses them.</li>
    <li>The slider on the page Prune says how many: at 0.01 % a handful, at 90 % nine of ten.</li>
    <li>Below it stands what that costs, counted on pictures that the network was not trained on, and whether chance
      alone could explain it.</li>
    <li>Drag it, or press play; a copied address shows the same to somebody else.</li>
  </ol>
  <button type="button">Close</button>
</section>
"""

_component = declare(__file__, _HTML)


def welcome() -> None:
    """Mount it; hidden until the browser says that it has not been closed before."""
    _component(key="welcome")
