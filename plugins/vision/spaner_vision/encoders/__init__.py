"""Encodes pictures: one module for each kind of model."""
