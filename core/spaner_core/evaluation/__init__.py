"""Measures how good a space is: retrieval across modalities, and coherence."""
