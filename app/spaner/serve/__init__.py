"""Serves a space over HTTP: searches, embeddings, labels, and a page."""
