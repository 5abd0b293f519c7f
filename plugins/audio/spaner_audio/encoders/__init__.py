"""Encodes sound: one module for each kind of model."""
