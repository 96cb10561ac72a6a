"""What this is, in five sentences, for anyone who comes for the first time."""

import streamlit as st

_SENTENCES = """\
1. A network like this one answers by multiplying a picture's pixels with many thousand numbers, its weights.
2. Pruning sets some of them to zero, here those closest to zero first, in the hope that nobody misses them.
3. The slider on the page Prune says how many: at 0.01 % a handful, at 90 % nine of ten.
4. Below it stands what that costs, counted on pictures that the network was not trained on, and whether chance alone
   could explain it.
5. Drag it, or press play; a copied address shows the same to somebody else.
"""


def welcome() -> None:
    """One line that opens; it takes the same room on every visit, so that nothing moves when the page is there."""
    with st.expander("New here? Five sentences", icon=":material/waving_hand:"):
        st.markdown(_SENTENCES)
