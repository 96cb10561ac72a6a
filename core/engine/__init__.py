"""Everything that imports torch: networks, training and inference. Only worker processes import it."""
