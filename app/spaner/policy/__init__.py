"""Keeps the user in control of what may be linked."""
