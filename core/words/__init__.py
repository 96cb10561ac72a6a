"""What a visitor reads: numbers and results in words, and the glossary."""
