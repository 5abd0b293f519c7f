"""Finds, loads and checks plugins."""
