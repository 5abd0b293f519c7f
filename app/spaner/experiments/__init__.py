"""Trains a project many times over and measures each time."""
