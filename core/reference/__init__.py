"""What ships with PruneLab, and the commands that compute it."""
