"""What PruneLab is, in five sentences, for first-time visitors."""

import streamlit as st

_SENTENCES = """\
1. A network like this one answers by multiplying a picture's pixels by many thousand numbers, its weights.
2. Pruning sets some of the weights to zero, here those closest to zero first, in the hope that they are not needed.
3. The slider on the Prune page sets how many: a handful at 0.01 %, nine of ten at 90 %.
4. Below it you see what that costs, counted on pictures that the network was not trained on, and whether chance alone
   could explain it.
5. Drag the slider or press play, and share what you see.
"""


def welcome() -> None:
    """Show a line that opens; it has the same height on every visit, so that nothing moves while the page loads."""
    with st.expander("New here? Five sentences", icon=":material/waving_hand:"):
        st.markdown(_SENTENCES)
