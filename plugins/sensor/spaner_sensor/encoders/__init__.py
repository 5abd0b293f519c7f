"""Encodes series: one module for each kind of model."""
