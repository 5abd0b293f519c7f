"""Finds rows of one modality by an input of another."""
