"""Encodes texts: one module for each kind of model."""
