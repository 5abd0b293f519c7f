"""Keeps embeddings beside the space, and searches them."""
