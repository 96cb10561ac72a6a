"""Storage: its place, the runs, and the results computed from them."""
