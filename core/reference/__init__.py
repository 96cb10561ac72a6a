"""What comes with the product, and the commands that make it."""
