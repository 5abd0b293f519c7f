"""The embedded demonstration data and what writes it as ordinary files."""
