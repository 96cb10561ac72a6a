"""What is kept: where it lies, runs, and what was computed from them."""
